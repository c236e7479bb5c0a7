#include "etalon/quantization/signal_to_noise.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

TEST(SignalToNoise, AddsUpOverCalls) {
  SignalToNoise ratio;
  const std::vector<float> exact{3, -4}, approximate{3, -4.5};
  ratio.add(exact, approximate);
  EXPECT_DOUBLE_EQ(ratio.decibel(), 20.0);  // 25 / 0.25
  ratio.add(exact, exact);
  EXPECT_DOUBLE_EQ(ratio.decibel(), 23.010299956639813);  // numpy: 10 * log10(50 / 0.25)
}

TEST(SignalToNoise, HasAnAnswerAtTheEnds) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto decibel = [](std::vector<float> exact, std::vector<float> approximate) {
    SignalToNoise ratio;
    ratio.add(exact, approximate);
    return ratio.decibel();
  };
  EXPECT_EQ(decibel({}, {}), kInfinity);
  EXPECT_EQ(decibel({0, 1}, {0, 1}), kInfinity);
  EXPECT_EQ(decibel({0}, {1}), -kInfinity);
  EXPECT_EQ(decibel({1}, {kInfinity}), -kInfinity);
  EXPECT_EQ(decibel({1}, {std::nanf("")}), -kInfinity);
  EXPECT_THROW(decibel({1, 2}, {1}), Error);
}

}  // namespace
}  // namespace etalon
