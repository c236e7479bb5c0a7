#include "etalon/base/half.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <limits>
#include <vector>

namespace etalon {
namespace {

template <class Value>
std::uint32_t crc_of(const std::vector<Value>& values) {
  return static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(values.data()),
                                          static_cast<uInt>(values.size() * sizeof(Value))));
}

bool is_nan(std::uint16_t half) { return (half & 0x7fffU) > 0x7c00U; }

// The numbers of these tests are NumPy's, printed by testdata/make_half.py.

TEST(Half, IsTheFloatThatNumPyGives) {
  std::vector<float> floats;
  for (unsigned half = 0; half < 65536; ++half)
    if (!is_nan(static_cast<std::uint16_t>(half)))
      floats.push_back(float_from_half(static_cast<std::uint16_t>(half)));
  EXPECT_EQ(crc_of(floats), 0x58a2254bU);
}

TEST(Half, ComesBackFromEveryFloatThatIsOne) {
  for (unsigned half = 0; half < 65536; ++half) {
    const float value = float_from_half(static_cast<std::uint16_t>(half));
    if (is_nan(static_cast<std::uint16_t>(half))) {
      EXPECT_TRUE(std::isnan(value)) << half;
      EXPECT_TRUE(is_nan(half_bits(value))) << half;
      EXPECT_TRUE(std::isnan(rounded_to_half(value))) << half;
    } else {
      ASSERT_EQ(half_bits(value), half);
      ASSERT_EQ(std::bit_cast<std::uint32_t>(rounded_to_half(value)), std::bit_cast<std::uint32_t>(value));
    }
  }
}

std::vector<std::uint16_t> halves_of(const std::vector<float>& values) {
  std::vector<std::uint16_t> halves;
  for (const float value : values) {
    halves.push_back(half_bits(value));
    EXPECT_EQ(std::bit_cast<std::uint32_t>(rounded_to_half(value)),
              std::bit_cast<std::uint32_t>(float_from_half(halves.back())))
        << value;
  }
  return halves;
}

TEST(Half, RoundsASweepOverTheFloatsAsNumPyDoes) {
  std::vector<float> floats;
  for (std::uint64_t bits = 0; bits < std::uint64_t{1} << 32; bits += 21845) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (!std::isnan(value)) floats.push_back(value);
  }
  ASSERT_EQ(floats.size(), 195843U);
  EXPECT_EQ(crc_of(halves_of(floats)), 0x4aa485f6U);
}

TEST(Half, RoundsTiesAndTheirNeighboursAsNumPyDoes) {
  std::vector<float> floats;
  for (std::uint16_t half = 0; half + 1 < 0x7c00; ++half) {
    const float middle = (float_from_half(half) + float_from_half(static_cast<std::uint16_t>(half + 1))) / 2;
    for (std::uint32_t i = 0; i < 5; ++i)
      floats.push_back(std::bit_cast<float>(std::bit_cast<std::uint32_t>(middle) + i - 2));
  }
  ASSERT_EQ(floats.size(), 158715U);
  EXPECT_EQ(crc_of(halves_of(floats)), 0x411da2b0U);
}

TEST(Half, IsInfiniteFromHalfwayBeyondTheLargest) {
  EXPECT_EQ(half_bits(65519.996F), 0x7bff);
  EXPECT_EQ(half_bits(65520.0F), 0x7c00);
  EXPECT_EQ(half_bits(-std::numeric_limits<float>::infinity()), 0xfc00);
  EXPECT_EQ(rounded_to_half(65520.0F), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(is_nan(half_bits(std::numeric_limits<float>::quiet_NaN())));
}

}  // namespace
}  // namespace etalon
