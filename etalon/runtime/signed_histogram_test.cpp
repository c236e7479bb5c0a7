#include "etalon/runtime/signed_histogram.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace etalon {
namespace {

// The definition, one value at a time.
TensorStatistics counted_plainly(std::span<const float> values) {
  TensorStatistics statistics;
  for (const float x : values) {
    ++statistics.values;
    if (std::isnan(x))
      ++statistics.nans;
    else if (std::isinf(x))
      ++statistics.infinities;
    else {
      ++statistics.buckets[std::bit_cast<std::uint32_t>(std::fabs(x)) >> 16];
      statistics.max_bits = std::max(statistics.max_bits, std::bit_cast<std::uint32_t>(std::fabs(x)));
    }
  }
  return statistics;
}

std::vector<float> rectified(std::vector<float> values) {
  for (float& x : values)
    if (x < 0) x = 0;
  return values;
}

// Bit patterns from a counter-based generator (SplitMix64's mixing), so that every kind of float is among
// them.
std::uint32_t random_bits(std::uint64_t i) {
  i = (i + 1) * 0x9e3779b97f4a7c15U;
  i = (i ^ (i >> 30)) * 0xbf58476d1ce4e5b9U;
  i = (i ^ (i >> 27)) * 0x94d049bb133111ebU;
  return static_cast<std::uint32_t>(i >> 32);
}

std::vector<float> like_a_network(std::size_t n, double share_of_zeros) {
  std::vector<float> values(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double u = random_bits(2 * i) / 4294967296.0, v = random_bits(2 * i + 1) / 4294967296.0;
    values[i] = v < share_of_zeros ? 0.0F : static_cast<float>((u - 0.5) * std::exp(4 * v));
  }
  return values;
}

void expect_counts_as_defined(const std::vector<float>& values) {
  SignedHistogram histogram;
  histogram.add(values);
  TensorStatistics magnitude, positive;
  histogram.take(magnitude, &positive);
  EXPECT_EQ(magnitude, counted_plainly(values));
  EXPECT_EQ(positive, counted_plainly(rectified(values)));
}

TEST(SignedHistogram, CountsAsDefinedForEveryKindOfFloat) {
  std::vector<float> values(100'003);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::bit_cast<float>(random_bits(i));
  expect_counts_as_defined(values);
}

TEST(SignedHistogram, CountsAsDefinedWhateverTheShareOfZeros) {
  for (const double zeros : {0.0, 0.05, 0.5, 0.9, 1.0})
    expect_counts_as_defined(like_a_network(50'021, zeros));
}

TEST(SignedHistogram, CountsAsDefinedWhenTheShareOfZerosChangesFromBlockToBlock) {
  std::vector<float> values;
  for (int turn = 0; turn < 6; ++turn) {
    const auto part = like_a_network(5'000, turn % 2 ? 0.8 : 0.0);
    values.insert(values.end(), part.begin(), part.end());
  }
  expect_counts_as_defined(values);
}

// Each special value at each place of a block that vectors of any width treat differently, and in the short
// rest.
TEST(SignedHistogram, CountsSpecialValuesWhereverTheyStand) {
  const std::uint32_t specials[] = {
      0x80000000,                          // -0
      0x00000001, 0x807fffff, 0x0000ffff,  // denormals, the last below 2^-133
      0x7f800000, 0xff800000,              // infinities
      0x7f800001, 0xff80ffff,              // NaNs whose upper half is an infinity's
      0x7fc00000, 0xffffffff,              // NaNs
      0x7f7fffff, 0xff7fffff,              // largest finite numbers
  };
  for (const std::uint32_t bits : specials)
    for (const std::size_t place : {0, 1, 7, 8, 15, 16, 31, 32, 2047, 2048, 4095, 4096, 4100}) {
      std::vector<float> values(4'101, 0.5F);
      values[place] = std::bit_cast<float>(bits);
      SCOPED_TRACE(testing::Message() << std::hex << bits << std::dec << " at " << place);
      expect_counts_as_defined(values);
    }
}

TEST(SignedHistogram, FindsTheLargestPositiveValueBelowALargerNegativeOne) {
  std::vector<float> values(8'192, -3.0F);
  values[100] = 1.0F;
  values[6'000] = 1.001F;  // the same key as 1.0
  SignedHistogram histogram;
  histogram.add(values);
  TensorStatistics magnitude, positive;
  histogram.take(magnitude, &positive);
  EXPECT_EQ(magnitude.max(), 3.0F);
  EXPECT_EQ(positive.max(), 1.001F);
}

TEST(SignedHistogram, GivesTheSameForAnySplit) {
  const auto values = like_a_network(30'011, 0.4);
  SignedHistogram whole;
  whole.add(values);
  TensorStatistics expected, expected_positive;
  whole.take(expected, &expected_positive);
  for (const std::size_t cut : {1U, 2'047U, 2'048U, 2'049U, 17'000U, 30'010U}) {
    SignedHistogram first, second;
    first.add(std::span(values).subspan(cut));
    second.add(std::span(values).first(cut));
    TensorStatistics merged, merged_positive;
    first.take(merged, &merged_positive);
    second.take(merged, &merged_positive);
    EXPECT_EQ(merged, expected) << cut;
    EXPECT_EQ(merged_positive, expected_positive) << cut;
  }
}

TEST(SignedHistogram, SpillsItsCountersBeforeTheyAreFull) {
  auto values = like_a_network(20'000, 0.3);
  values[19'999] = std::bit_cast<float>(0x7f800001U);
  values[5] = std::bit_cast<float>(0xff800000U);
  SignedHistogram spilling(3'000), plain;
  for (int turn = 0; turn < 3; ++turn) {
    spilling.add(values);
    plain.add(values);
  }
  TensorStatistics expected, got;
  plain.take(expected, nullptr);
  spilling.take(got, nullptr);
  EXPECT_EQ(got, expected);
  EXPECT_EQ(got.values, 60'000U);
}

// More than two counters of 16 bits hold, in one call: one key alone, one of each sign, and among others.
TEST(SignedHistogram, CountsAnyNumberOfEqualValues) {
  std::vector<float> values(400'003, 0.5F);
  expect_counts_as_defined(values);
  for (std::size_t i = 0; i < values.size(); i += 2) values[i] = -0.5F;
  expect_counts_as_defined(values);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = i % 5 == 0 ? std::ldexp(1.0F, -static_cast<int>(i % 140)) : i % 30 == 1 ? 0.0F : -3.0F;
  expect_counts_as_defined(values);
}

// A thread counts all tensors in the same place: what one leaves must not reach the next.
TEST(SignedHistogram, KeepsTensorsApartThatOneThreadCountsInTurn) {
  const std::vector<float> large = like_a_network(3'000, 0.1), small(2'000, 1e-38F),
                           odd = {std::nanf(""), -INFINITY, -0.0F, 1e-45F, -1e-45F};
  SignedHistogram a, b, c;
  for (int turn = 0; turn < 3; ++turn) {
    a.add(large);
    b.add(small);
    c.add(odd);
  }
  const auto expect = [](SignedHistogram& histogram, const std::vector<float>& values) {
    TensorStatistics expected, got;
    for (int turn = 0; turn < 3; ++turn) expected.merge(counted_plainly(values));
    histogram.take(got, nullptr);
    EXPECT_EQ(got, expected);
  };
  expect(a, large);
  expect(b, small);
  expect(c, odd);
}

TEST(SignedHistogram, StartsAnewAfterTake) {
  const auto values = like_a_network(10'000, 0.5);
  SignedHistogram histogram(4'000);
  histogram.add(like_a_network(9'000, 0.1));
  TensorStatistics ignored, got;
  histogram.take(ignored, nullptr);
  histogram.add(values);
  histogram.take(got, nullptr);
  EXPECT_EQ(got, counted_plainly(values));
}

}  // namespace
}  // namespace etalon
