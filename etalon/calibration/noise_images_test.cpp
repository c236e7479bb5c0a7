#include "etalon/calibration/noise_images.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace etalon {
namespace {

TEST(NoiseImages, FillTheRangeOfThePreprocessingAndAreTheSameForTheSameSeed) {
  const Preprocessing how{.mean = {100, 100, 100}, .scale = 0.5};  // -50 .. 77.5
  const InputSize size{3, 32, 32};
  const auto numbers = [&](std::uint64_t seed, std::size_t index) {
    std::vector<float> out(size.numbers());
    noise_images(4, seed, size, how).load(index, out);
    return out;
  };
  const auto first = numbers(1, 0);
  EXPECT_EQ(first, numbers(1, 0));
  EXPECT_NE(first, numbers(1, 1));
  EXPECT_NE(first, numbers(2, 0));
  const auto [low, high] = std::ranges::minmax(first);
  EXPECT_GE(low, -50.0F);
  EXPECT_LE(high, 77.5F);
  EXPECT_LT(low, -49.0F);
  EXPECT_GT(high, 76.5F);
  EXPECT_NE(noise_images(4, 1, size, how).identity(), noise_images(4, 2, size, how).identity());
}

}  // namespace
}  // namespace etalon
