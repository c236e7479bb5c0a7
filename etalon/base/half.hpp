// IEEE 754 half-precision floats (binary16): 1 sign, 5 exponent and 10 fraction bits, as NumPy's and
// TensorFlow's float16. They are kept as their bits, or as the floats that have the same value.
//
//   half_bits(0.1F) == 0x2e66
//   float_from_half(0x2e66) == 0.0999755859375F, and so is rounded_to_half(0.1F)
#pragma once

#include <bit>
#include <cstdint>

namespace etalon {

namespace half_detail {

constexpr std::uint32_t kSign = 0x80000000;
constexpr std::uint32_t kFloatInfinity = 0x7f800000;
constexpr std::uint32_t kSmallestNormal = 0x38800000;  // 2^-14
// 65520, halfway from the largest half to what would be next.
constexpr std::uint32_t kRoundsToInfinity = 0x477ff000;
constexpr int kLostBits = 23 - 10;  // of the fraction

}  // namespace half_detail

// The nearest half of a float, ties to the even one; from 65520 on infinity. A NaN stays one.
constexpr std::uint16_t half_bits(float value) {
  using namespace half_detail;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t size = bits & ~kSign;
  std::uint32_t half = 0;
  if (size > kFloatInfinity) {
    half = 0x7e00 | ((size >> kLostBits) & 0x1ff);
  } else if (size >= kRoundsToInfinity) {
    half = 0x7c00;
  } else if (size < kSmallestNormal) {
    // Floats from 0.5 to 1 are as far apart (2^-24) as halves below 2^-14: the sum is rounded as we need it.
    const float sum = std::bit_cast<float>(size) + 0.5F;
    half = std::bit_cast<std::uint32_t>(sum) - std::bit_cast<std::uint32_t>(0.5F);
  } else {
    const std::uint32_t odd = size >> kLostBits & 1;  // a carry into the exponent is the right next half
    half = ((size + 0xfff + odd) >> kLostBits) - ((127 - 15) << 10);
  }
  return static_cast<std::uint16_t>((bits >> 16 & 0x8000U) | half);
}

// Exact; a NaN stays one.
constexpr float float_from_half(std::uint16_t half) {
  using namespace half_detail;
  const std::uint32_t sign = std::uint32_t{half & 0x8000U} << 16;
  const std::uint32_t size = half & 0x7fffU;
  if (size < 0x400) {  // below 2^-14: so many times 2^-24
    const float value = static_cast<float>(size) * 0x1p-24F;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(value));
  }
  const std::uint32_t exponent_gap = size >= 0x7c00 ? (255 - 31) << 23 : (127 - 15) << 23;
  return std::bit_cast<float>(sign | ((size << kLostBits) + exponent_gap));
}

// float_from_half(half_bits(value)) in fewer steps: bulk loops call it for each pixel.
constexpr float rounded_to_half(float value) {
  using namespace half_detail;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t size = bits & ~kSign;
  if (size - kSmallestNormal >= kRoundsToInfinity - kSmallestNormal) return float_from_half(half_bits(value));
  return std::bit_cast<float>((bits + 0xfff + (bits >> kLostBits & 1)) & ~std::uint32_t{0x1fff});
}

}  // namespace etalon
