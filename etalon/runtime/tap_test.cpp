#include "etalon/runtime/tap.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace etalon {
namespace {

TEST(Tap, CountsTheSameFromOneThreadAndFromMany) {
  std::vector<float> values(50'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 977) - 400.0F;
  Tap alone, shared;
  for (int turn = 0; turn < 12; ++turn) alone.add(values);
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([&] {
        for (int turn = 0; turn < 3; ++turn) shared.add(values);
      });
  }
  TensorStatistics a, a_positive, b, b_positive;
  alone.take(a, &a_positive);
  shared.take(b, &b_positive);
  EXPECT_EQ(a, b);
  EXPECT_EQ(a_positive, b_positive);
  EXPECT_EQ(a.values, 600'000U);
}

}  // namespace
}  // namespace etalon
