// A TFRecord file: any answer but records or an Error is a fault. No search would find a checksum, so the
// right ones are put where the lengths say that they stand; if the first byte is odd, only those of lengths.
//
// The first byte is not part of the file. The file itself has no name.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "etalon/base/crc32c.hpp"
#include "etalon/base/error.hpp"
#include "etalon/formats/tfrecord/frame_record.hpp"
#include "etalon/formats/tfrecord/tfrecord.hpp"

namespace {

void put_crc(std::string& file, std::size_t at, std::string_view of) {
  const std::uint32_t crc = etalon::masked_crc(etalon::crc32c(etalon::as_bytes(of)));
  for (std::size_t i = 0; i < 4; ++i) file[at + i] = static_cast<char>(crc >> 8 * i);
}

void put_crcs(std::string& file, bool of_data) {
  for (std::size_t at = 0; file.size() - at >= 12;) {
    std::uint64_t length = 0;
    for (std::size_t i = 8; i-- > 0;) length = length << 8 | static_cast<unsigned char>(file[at + i]);
    put_crc(file, at + 8, std::string_view(file).substr(at, 8));
    at += 12;
    if (file.size() - at < 4 || length > file.size() - at - 4) return;
    if (of_data) put_crc(file, at + length, std::string_view(file).substr(at, length));
    at += length + 4;
  }
}

void look_into(etalon::ByteView record) {
  const auto features = etalon::parse_tf_example(record);
  etalon::count_objects(features);
  const etalon::FrameRecord frame = etalon::frame_record(features);
  if (frame.id.empty() || frame.width < 1 || frame.height < 1) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  put_crcs(bytes, data[0] % 2 == 0);
  static const int file = ::memfd_create("records", MFD_CLOEXEC);
  if (file < 0 || ::ftruncate(file, 0) != 0) std::abort();
  if (::pwrite(file, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
  try {
    etalon::read_tfrecords("/proc/self/fd/" + std::to_string(file),
                           [](std::uint64_t, etalon::ByteView record) {
                             try {
                               look_into(record);
                             } catch (const etalon::Error&) {  // the next record may be better
                             }
                           });
  } catch (const etalon::Error&) {
    return 0;
  }
  if (bytes.size() >= 12 && !etalon::looks_like_tfrecord(etalon::as_bytes(bytes).first(12))) std::abort();
  return 0;
}
