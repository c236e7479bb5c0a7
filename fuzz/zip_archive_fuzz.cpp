// A ZIP archive: any answer but members inside the file that do not overlap, or an Error, is a fault. Members
// are unpacked where that is quick.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "etalon/base/error.hpp"
#include "etalon/formats/zip_archive/zip_archive.hpp"

namespace {

constexpr std::uint64_t kQuickBytes = 1 << 20;

void unpack(const etalon::ZipMember& member) {
  const bool stored = member.is_stored();
  const std::size_t size = stored ? etalon::stored_content(member, etalon::StoredCrc::kCheck).size()
                                  : etalon::inflated(member).size();
  if (size != member.size_bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const etalon::ByteView file = std::as_bytes(std::span(data, size));
  etalon::ZipArchive archive;
  try {
    archive = etalon::read_zip(file);
  } catch (const etalon::Error&) {
    return 0;
  }
  std::uint64_t packed = 0;
  for (const auto& member : archive.members) {
    packed += member.packed.size();
    if (archive.find(member.name) != &member) std::abort();
    if (member.name.empty() || member.name.front() == '/') std::abort();
    if (member.size_bytes > kQuickBytes) continue;
    try {
      unpack(member);
    } catch (const etalon::Error&) {  // the next member may be better
    }
  }
  if (packed > size) std::abort();
  return 0;
}
