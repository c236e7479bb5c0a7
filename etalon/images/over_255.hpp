// Products of two 8-bit fractions.
#pragma once

#include <cstdint>

namespace etalon {

// a * b / 255, rounded; a, b <= 255. Pillow's MULDIV255.
constexpr std::uint8_t times_over_255(unsigned a, unsigned b) {
  const unsigned product = a * b + 128;
  return static_cast<std::uint8_t>((product + (product >> 8)) >> 8);
}

}  // namespace etalon
