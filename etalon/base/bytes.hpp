// Bytes from outside, read through a cursor that cannot leave them and knows where it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace etalon {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

inline ByteView as_bytes(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Reads little-endian numbers and runs of bytes in order. Every read that would leave the bytes throws
// Error(kBadInput) with the offset and what was being read.
class ByteCursor {
 public:
  explicit ByteCursor(ByteView bytes) : bytes_(bytes) {}

  std::size_t offset() const { return offset_; }
  std::size_t remaining() const { return bytes_.size() - offset_; }

  std::uint32_t u32(std::string_view what);
  std::uint64_t u64(std::string_view what);
  ByteView take(std::uint64_t size_bytes, std::string_view what);

 private:
  ByteView bytes_;
  std::size_t offset_ = 0;
};

}  // namespace etalon
