// Eight bytes a step through eight tables ("slicing by 8", Kounavis and Berry, 2005): tables[k][b] is what
// byte b does to the CRC when k more bytes follow it. About 2 GB/s, which no reader of ours can use up.
#include "etalon/base/crc32c.hpp"

#include <array>
#include <cstddef>

namespace etalon {
namespace {

constexpr std::uint32_t kReflectedPolynomial = 0x82f63b78U;
constexpr std::size_t kSlices = 8;
using Tables = std::array<std::array<std::uint32_t, 256>, kSlices>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? kReflectedPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < kSlices; ++k)
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t crc = tables[k - 1][byte];
      tables[k][byte] = crc >> 8 ^ tables[0][crc & 0xff];
    }
  return tables;
}

constexpr Tables kTables = make_tables();

std::uint32_t u32_at(ByteView bytes, std::size_t at) {
  return std::to_integer<std::uint32_t>(bytes[at]) | std::to_integer<std::uint32_t>(bytes[at + 1]) << 8 |
         std::to_integer<std::uint32_t>(bytes[at + 2]) << 16 |
         std::to_integer<std::uint32_t>(bytes[at + 3]) << 24;
}

}  // namespace

std::uint32_t crc32c(ByteView bytes, std::uint32_t before) {
  std::uint32_t crc = ~before;
  std::size_t at = 0;
  for (; bytes.size() - at >= kSlices; at += kSlices) {
    const std::uint32_t low = crc ^ u32_at(bytes, at), high = u32_at(bytes, at + 4);
    crc = kTables[7][low & 0xff] ^ kTables[6][low >> 8 & 0xff] ^ kTables[5][low >> 16 & 0xff] ^
          kTables[4][low >> 24] ^ kTables[3][high & 0xff] ^ kTables[2][high >> 8 & 0xff] ^
          kTables[1][high >> 16 & 0xff] ^ kTables[0][high >> 24];
  }
  for (; at < bytes.size(); ++at)
    crc = crc >> 8 ^ kTables[0][(crc ^ std::to_integer<std::uint32_t>(bytes[at])) & 0xff];
  return ~crc;
}

}  // namespace etalon
