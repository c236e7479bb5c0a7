#include "etalon/base/bytes.hpp"

#include <fmt/format.h>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

template <class Number>
Number little_endian(ByteView bytes) {
  Number value = 0;
  for (std::size_t i = sizeof(Number); i-- > 0;)
    value = static_cast<Number>(value << 8 | std::to_integer<Number>(bytes[i]));
  return value;
}

}  // namespace

ByteView ByteCursor::take(std::uint64_t size_bytes, std::string_view what) {
  if (size_bytes > remaining())
    throw Error(Kind::kBadInput,
                fmt::format("{} needs {} bytes at offset {}, but only {} are left", what, size_bytes, offset_,
                            remaining()),
                "the file is cut off or is not what its name says");
  const ByteView taken = bytes_.subspan(offset_, static_cast<std::size_t>(size_bytes));
  offset_ += taken.size();
  return taken;
}

std::uint32_t ByteCursor::u32(std::string_view what) { return little_endian<std::uint32_t>(take(4, what)); }
std::uint64_t ByteCursor::u64(std::string_view what) { return little_endian<std::uint64_t>(take(8, what)); }

}  // namespace etalon
