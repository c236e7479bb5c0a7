#include "etalon/calibration/ranges.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cfloat>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

TensorStatistics statistics_of(const std::vector<double>& values) {
  TensorStatistics s;
  for (const double value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(std::fabs(static_cast<float>(value)));
    ++s.values;
    ++s.buckets[bits >> 16];
    s.max_bits = std::max(s.max_bits, bits);
  }
  return s;
}

std::uint32_t scale_bits(const TensorStatistics& s, Calibrator calibrator) { return std::bit_cast<std::uint32_t>(choose_range(s, {calibrator}).range / 127.0F); }

// As testdata/make_testdata.py: sums of four 16-bit numbers of SplitMix64, exact in double and float32.
std::vector<double> bell(std::size_t n, std::uint64_t state) {
  std::vector<double> values(n);
  for (double& value : values) {
    std::uint64_t z = state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    z ^= z >> 31;
    const auto sum = (z & 0xffff) + (z >> 16 & 0xffff) + (z >> 32 & 0xffff) + (z >> 48);
    value = (static_cast<double>(sum) - 131070) / 65536;
  }
  return values;
}

TEST(EntropyRange, IsTheOneThatANaiveSearchInNumpyFinds) {
  constexpr std::size_t kN = 40000;
  const auto b = bell(kN, 1), c = bell(kN, 2);
  const std::map<std::string, std::function<double(std::size_t)>> cases{
      {"bell", [&](std::size_t i) { return b[i]; }},
      {"relu", [&](std::size_t i) { return std::max(b[i], 0.0); }},
      {"heavy", [&](std::size_t i) { return b[i] * c[i] * c[i] * c[i]; }},
      {"rare", [&](std::size_t i) { return i % 50 == 0 ? std::fabs(b[i]) : std::fabs(c[i]) * std::fabs(c[i]) * 0.01; }},
      {"mostly_zero", [&](std::size_t i) { return i % 100 == 0 ? b[i] : 0.0; }},
      {"outlier", [&](std::size_t i) { return i == 7 ? 1000.0 : b[i]; }},
      {"two_peaks", [&](std::size_t i) { return i % 2 == 0 ? 1 + b[i] / 64 : 3 + c[i] / 64; }},
  };
  std::ifstream file(ETALON_CALIBRATION_TESTDATA "/ranges.txt");
  std::string name;
  std::uint32_t range_bits = 0, max_bits = 0;
  std::size_t seen = 0;
  while (file >> name >> std::hex >> range_bits >> max_bits) {
    ++seen;
    std::vector<double> values(kN);
    for (std::size_t i = 0; i < kN; ++i) values[i] = cases.at(name)(i);
    const auto s = statistics_of(values);
    EXPECT_EQ(s.max_bits, max_bits) << name;
    EXPECT_EQ(std::bit_cast<std::uint32_t>(choose_range(s, {Calibrator::kEntropy}).range), range_bits)
        << name << ": " << choose_range(s, {Calibrator::kEntropy}).range << " against " << std::bit_cast<float>(range_bits);
  }
  EXPECT_EQ(seen, cases.size());
}

// NVIDIA's tables: 3c010a14 for a tensor that ends at 1 and is not clipped.
TEST(EntropyRange, OfATensorThatIsOneThroughoutIsHalfABinAboveOne) {
  EXPECT_EQ(scale_bits(statistics_of(std::vector<double>(5, 1.0)), Calibrator::kEntropy), 0x3c010a14U);
  EXPECT_EQ(scale_bits(statistics_of({1.0}), Calibrator::kEntropy), 0x3c010a14U);
}

TEST(EntropyRange, OfAFewValuesOrAConstantKeepsThemAll) {
  for (const double constant : {0.3, 1.0078, 1.999, 5e-20, 7e20})
    EXPECT_FLOAT_EQ(choose_range(statistics_of({constant, -constant, 0.0}), {Calibrator::kEntropy}).range, static_cast<float>(constant * 2048.5 / 2048));
  EXPECT_FLOAT_EQ(choose_range(statistics_of({1, 2, 3}), {Calibrator::kEntropy}).range, static_cast<float>(3 * 2048.5 / 2048));
}

TEST(EntropyRange, NeverClipsMoreThanOneInAHundred) {
  for (const std::uint64_t seed : {3, 4, 5}) {
    auto values = bell(20000, seed);
    for (double& x : values) x = std::max(0.0, x * std::fabs(x) * std::fabs(x));
    const float range = choose_range(statistics_of(values), {Calibrator::kEntropy}).range;
    double nonzero = 0, clipped = 0;
    for (const double x : values) {
      nonzero += x > 0;
      clipped += x > range;
    }
    EXPECT_LE(clipped, 0.01 * nonzero);
  }
}

TEST(EntropyRange, DoesNotChangeWhenZerosAreAdded) {
  auto values = bell(20000, 6);
  const float without = choose_range(statistics_of(values), {Calibrator::kEntropy}).range;
  values.resize(2'000'000);
  EXPECT_EQ(choose_range(statistics_of(values), {Calibrator::kEntropy}).range, without);
}

TEST(EntropyRange, StaysFiniteAndAboveZero) {
  const float huge = choose_range(statistics_of({FLT_MAX, 1.0}), {Calibrator::kEntropy}).range;
  EXPECT_EQ(huge, FLT_MAX);
  auto values = bell(1000, 8);
  values[3] = 1e30;
  const float outlier = choose_range(statistics_of(values), {Calibrator::kEntropy}).range;
  EXPECT_GT(outlier, 6e28F);  // 128.5 of 2048 bins at least
  EXPECT_LE(outlier, 1.001e30F);
}

TEST(MinMaxRange, IsTheLargestMagnitude) {
  EXPECT_EQ(scale_bits(statistics_of({1.0, -0.5}), Calibrator::kMinMax), 0x3c010204U);
  EXPECT_EQ(scale_bits(statistics_of({0.25, -2.0}), Calibrator::kMinMax), 0x3c810204U);
}

// ssd's NMS_1 in NVIDIA's table: 30810204 = FLT_EPSILON / 127.
TEST(ChooseRange, OfAllZerosIsTensorrtsEpsilon) {
  for (const auto calibrator : {Calibrator::kEntropy, Calibrator::kMinMax}) {
    EXPECT_EQ(scale_bits(statistics_of(std::vector<double>(100, 0.0)), calibrator), 0x30810204U);
    EXPECT_EQ(scale_bits(TensorStatistics{}, calibrator), 0x30810204U);
    EXPECT_EQ(scale_bits(statistics_of({1e-45, 1e-40, 1e-37}), calibrator), 0x30810204U) << "a scale would be denormal";
  }
}

TEST(ParseCalibrator, KnowsItsNames) {
  EXPECT_EQ(parse_calibrator("entropy"), Calibrator::kEntropy);
  EXPECT_EQ(parse_calibrator("minmax"), Calibrator::kMinMax);
  try {
    parse_calibrator("Entropy");
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kWrongUsage);
  }
}

}  // namespace
}  // namespace etalon
