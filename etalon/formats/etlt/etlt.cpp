#include "etalon/formats/etlt/etlt.hpp"

#include <fmt/format.h>

#include <bit>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

constexpr std::int32_t kLongestName = 255;
constexpr std::uint64_t kNonceBytes = 16;

}  // namespace

EtltHeader read_etlt_header(ByteView bytes, std::uint64_t file_size_bytes) {
  ByteCursor cursor(bytes);
  const auto length = std::bit_cast<std::int32_t>(cursor.u32("the length of the input's name"));
  if (length < 0 || length > kLongestName)
    throw Error(Kind::kBadInput,
                fmt::format("the input's name would have {} bytes, expected 0 to {}", length, kLongestName),
                "the file is not an .etlt model");
  const auto name_bytes = static_cast<std::uint64_t>(length);
  const std::uint64_t least = kOnnxEtltHeaderBytes + name_bytes + kNonceBytes;
  if (file_size_bytes < least)
    throw Error(Kind::kBadInput,
                fmt::format("the file has {} bytes, an .etlt model with this header has at least {}",
                            file_size_bytes, least),
                "the file is cut off or is not an .etlt model");
  std::string name(as_text(cursor.take(name_bytes, "the input's name")));
  if (escaped(name, name.size()) != name)
    throw Error(Kind::kBadInput,
                fmt::format("the input's name '{}' is not printable text", escaped(name, 40)),
                "the file is not an .etlt model");
  return {std::move(name), cursor.offset(), file_size_bytes - least};
}

}  // namespace etalon
