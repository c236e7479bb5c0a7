#include "etalon/calibration/ranges.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
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

std::uint32_t scale_bits(const TensorStatistics& s, Calibrator calibrator) {
  return std::bit_cast<std::uint32_t>(choose_range(s, {calibrator}).range / 127.0F);
}

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

constexpr std::size_t kN = 40000;

const std::map<std::string, TensorStatistics>& cases() {
  static const auto made = [] {
    const auto b = bell(kN, 1), c = bell(kN, 2);
    const std::map<std::string, std::function<double(std::size_t)>> formulas{
        {"bell", [&](std::size_t i) { return b[i]; }},
        {"relu", [&](std::size_t i) { return std::max(b[i], 0.0); }},
        {"heavy", [&](std::size_t i) { return b[i] * c[i] * c[i] * c[i]; }},
        {"rare",
         [&](std::size_t i) {
           return i % 50 == 0 ? std::fabs(b[i]) : std::fabs(c[i]) * std::fabs(c[i]) * 0.01;
         }},
        {"mostly_zero", [&](std::size_t i) { return i % 100 == 0 ? b[i] : 0.0; }},
        {"outlier", [&](std::size_t i) { return i == 7 ? 1000.0 : b[i]; }},
        {"two_peaks", [&](std::size_t i) { return i % 2 == 0 ? 1 + b[i] / 64 : 3 + c[i] / 64; }},
    };
    std::map<std::string, TensorStatistics> statistics;
    for (const auto& [name, formula] : formulas) {
      std::vector<double> values(kN);
      for (std::size_t i = 0; i < kN; ++i) values[i] = formula(i);
      statistics[name] = statistics_of(values);
    }
    return statistics;
  }();
  return made;
}

// A line of testdata/ranges.txt: what make_testdata.py's plain NumPy found.
struct Expected {
  std::string name;
  RangeRule rule;
  float range = 0;
  double decibel = 0, decibel_clipping_twice = 0;
};

std::vector<Expected> expected_ranges() {
  std::ifstream file(ETALON_CALIBRATION_TESTDATA "/ranges.txt");
  std::vector<Expected> lines;
  std::string name, calibrator;
  std::uint32_t bits = 0;
  double decibel = 0, twice = 0;
  while (file >> name >> calibrator >> std::hex >> bits >> decibel >> twice) {
    const std::size_t percent = calibrator.find('_');
    RangeRule rule{parse_calibrator(calibrator.substr(0, percent))};
    if (percent != std::string::npos) rule.percentile = std::stod(calibrator.substr(percent + 1));
    lines.push_back({name, rule, std::bit_cast<float>(bits), decibel, twice});
  }
  return lines;
}

TEST(ChooseRange, FindsWhatANaiveSearchInNumpyFinds) {
  const auto lines = expected_ranges();
  EXPECT_EQ(lines.size(), cases().size() * 6);
  for (const Expected& line : lines) {
    const ChosenRange chosen = choose_range(cases().at(line.name), line.rule);
    const std::string what = line.name + " " + std::string(calibrator_name(line.rule.calibrator));
    EXPECT_EQ(chosen.by, line.rule.calibrator) << what;
    EXPECT_EQ(chosen.range, line.range) << what << " " << line.rule.percentile;
  }
}

TEST(SignalToNoise, IsWhatIntegratingPieceByPieceInNumpyGives) {
  for (const Expected& line : expected_ranges())
    EXPECT_NEAR(signal_to_noise_db(cases().at(line.name), line.range), line.decibel, 1e-6) << line.name;
}

// The histogram knows a value to 1/128; NumPy counted the values themselves.
TEST(ClippedShare, IsTheShareThatNumpyCounts) {
  std::ifstream file(ETALON_CALIBRATION_TESTDATA "/clipped.txt");
  std::string name;
  std::uint32_t bits = 0;
  double share = 0;
  int lines = 0;
  while (file >> name >> std::hex >> bits >> share) {
    const auto range = std::bit_cast<float>(bits);
    EXPECT_NEAR(clipped_share(cases().at(name), range), share, 2.0 / kN + 0.05 * share)
        << name << " " << range;
    ++lines;
  }
  EXPECT_EQ(lines, 28);
}

TEST(ClippedShare, IsNothingOfNothingAndOfZeros) {
  EXPECT_EQ(clipped_share({}, 1), 0);
  EXPECT_EQ(clipped_share(statistics_of({0, 0, 0}), FLT_EPSILON), 0);
  EXPECT_EQ(clipped_share(statistics_of({0, 2, 2, 0.5}), 1), 0.5);
  EXPECT_EQ(clipped_share(statistics_of({0, 2, 2, 0.5}), 2), 0);
}

TEST(AutoRange, IsTheOneOfTheFourThatLosesLeastIfClippingCountsTwiceAndOfEqualsTheFirst) {
  std::map<std::string, Expected> best;
  for (const Expected& line : expected_ranges()) {
    if (line.rule.percentile != RangeRule{}.percentile) continue;
    Expected& so_far = best.try_emplace(line.name, line).first->second;
    if (line.decibel_clipping_twice > so_far.decibel_clipping_twice) so_far = line;
  }
  EXPECT_EQ(best.at("outlier").rule.calibrator, Calibrator::kMinMax);  // percentile and mse have the same
  EXPECT_EQ(best.at("heavy").rule.calibrator, Calibrator::kMse);
  for (const auto& [name, line] : best) {
    const ChosenRange chosen = choose_range(cases().at(name), {.calibrator = Calibrator::kAuto});
    EXPECT_EQ(chosen.by, line.rule.calibrator) << name;
    EXPECT_EQ(chosen.range, line.range) << name;
  }
}

// One value so far out that mse's candidates, 1/2048 of it apart, are coarse for all the others.
TEST(AutoRange, TakesThePercentileOfItsRule) {
  TensorStatistics s = statistics_of(bell(1000, 11));
  for (auto& count : s.buckets) count *= 100'000'000'000;
  s.merge(statistics_of({5000}));
  EXPECT_EQ(choose_range(s, {Calibrator::kAuto}), choose_range(s, {Calibrator::kPercentile}));
  EXPECT_EQ(choose_range(s, {Calibrator::kAuto, 50}), choose_range(s, {Calibrator::kMse}));
}

// NVIDIA's tables: 3c010a14 for a tensor that ends at 1 and is not clipped.
TEST(EntropyRange, OfATensorThatIsOneThroughoutIsHalfABinAboveOne) {
  EXPECT_EQ(scale_bits(statistics_of(std::vector<double>(5, 1.0)), Calibrator::kEntropy), 0x3c010a14U);
  EXPECT_EQ(scale_bits(statistics_of({1.0}), Calibrator::kEntropy), 0x3c010a14U);
}

TEST(EntropyRange, OfAFewValuesOrAConstantKeepsThemAll) {
  for (const double constant : {0.3, 1.0078, 1.999, 5e-20, 7e20})
    EXPECT_FLOAT_EQ(choose_range(statistics_of({constant, -constant, 0.0}), {Calibrator::kEntropy}).range,
                    static_cast<float>(constant * 2048.5 / 2048));
  EXPECT_FLOAT_EQ(choose_range(statistics_of({1, 2, 3}), {Calibrator::kEntropy}).range,
                  static_cast<float>(3 * 2048.5 / 2048));
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

TEST(PercentileRange, CutsABucketInProportion) {
  // 4 values in [1, 1 + 1/128), 4 in [2, 2 + 1/64), the largest of these 2.01.
  const auto s = statistics_of({1, 1.001, 1.002, 1.003, 2, 2.001, 2.002, 2.01});
  const auto range = [&](double percentile) {
    return choose_range(s, {Calibrator::kPercentile, percentile}).range;
  };
  EXPECT_FLOAT_EQ(range(25), 1 + 1.0F / 256);
  EXPECT_FLOAT_EQ(range(50), 1 + 1.0F / 128);
  EXPECT_FLOAT_EQ(range(75), 2.005F);
  EXPECT_EQ(range(100), 2.01F);
}

TEST(PercentileRange, StopsAtAGapWhenTheShareIsFull) {
  std::vector<double> values(99, 1.5);
  values.push_back(1000);
  EXPECT_EQ(choose_range(statistics_of(values), {Calibrator::kPercentile, 99}).range, 1.5F + 1.0F / 128);
}

TEST(PercentileRange, IsWithinABucketOfTheValuesOwnPercentile) {
  auto values = bell(20000, 9);
  const auto s = statistics_of(values);
  for (double& x : values) x = std::fabs(x);
  std::sort(values.begin(), values.end());
  for (const double percentile : {1.0, 10.0, 50.0, 90.0, 99.0, 99.9}) {
    const double true_one = values[static_cast<std::size_t>(percentile / 100 * 20000) - 1];
    EXPECT_NEAR(choose_range(s, {Calibrator::kPercentile, percentile}).range / true_one, 1, 1.0 / 128)
        << percentile;
  }
}

TEST(PercentileRange, IsOfTheValuesThatAreNotZero) {
  auto values = bell(20000, 6);
  const RangeRule rule{Calibrator::kPercentile, 99};
  const float without = choose_range(statistics_of(values), rule).range;
  values.resize(2'000'000);
  EXPECT_EQ(choose_range(statistics_of(values), rule).range, without);
}

TEST(PercentileRange, RefusesWhatIsNoShare) {
  for (const double percentile : {0.0, -1.0, 100.001, std::nan(""), std::numeric_limits<double>::infinity()})
    EXPECT_THROW(choose_range(statistics_of({1}), {Calibrator::kPercentile, percentile}), Error)
        << percentile;
}

// Against the values themselves, not the histogram.
TEST(LeastSquaresRange, LosesAsLittleOnTheValuesAsTheBestOfAllCandidates) {
  auto values = bell(4000, 10);
  for (double& x : values) x = static_cast<float>(x * std::fabs(x));
  const auto s = statistics_of(values);
  const auto error = [&](double range) {
    double sum = 0;
    for (const double x : values) {
      const double off =
          std::fabs(x) - std::min(std::nearbyint(std::fabs(x) * 127 / range), 127.0) * range / 127;
      sum += off * off;
    }
    return sum;
  };
  double least = std::numeric_limits<double>::infinity();
  for (int i = 512; i <= 2048; ++i) least = std::min(least, error(s.max() * i / 2048.0));
  const float range = choose_range(s, {Calibrator::kMse}).range;
  EXPECT_LT(range, s.max());
  EXPECT_LE(error(range), least * 1.02) << "4000 values, drawn: their own least error is 1 % luck";
}

TEST(MinMaxRange, IsTheLargestMagnitude) {
  EXPECT_EQ(scale_bits(statistics_of({1.0, -0.5}), Calibrator::kMinMax), 0x3c010204U);
  EXPECT_EQ(scale_bits(statistics_of({0.25, -2.0}), Calibrator::kMinMax), 0x3c810204U);
}

constexpr std::array kAll{Calibrator::kEntropy, Calibrator::kMinMax, Calibrator::kPercentile,
                          Calibrator::kMse, Calibrator::kAuto};

// ssd's NMS_1 in NVIDIA's table: 30810204 = FLT_EPSILON / 127.
TEST(ChooseRange, OfAllZerosIsTensorrtsEpsilon) {
  for (const auto calibrator : kAll) {
    EXPECT_EQ(scale_bits(statistics_of(std::vector<double>(100, 0.0)), calibrator), 0x30810204U);
    EXPECT_EQ(scale_bits(TensorStatistics{}, calibrator), 0x30810204U);
    EXPECT_EQ(scale_bits(statistics_of({1e-45, 1e-40, 1e-37}), calibrator), 0x30810204U)
        << "a scale would be denormal";
  }
  TensorStatistics largest_only;  // as a damaged file may have it
  largest_only.max_bits = 0x3f800000;
  EXPECT_EQ(scale_bits(largest_only, Calibrator::kMse), 0x30810204U);
  EXPECT_EQ(choose_range(TensorStatistics{}, {Calibrator::kAuto}).by, Calibrator::kEntropy);
  EXPECT_EQ(choose_range(TensorStatistics{}, {Calibrator::kMse}).by, Calibrator::kMse);
}

TEST(ChooseRange, OfAConstantIsTheConstantAndExact) {
  for (const auto calibrator :
       {Calibrator::kMinMax, Calibrator::kPercentile, Calibrator::kMse, Calibrator::kAuto})
    for (const float constant : {0.3F, 1.0F, 1.0078F, 1.999F, 5e-20F, 7e20F, FLT_MAX}) {
      const auto s = statistics_of({constant, -constant, 0.0});
      EXPECT_EQ(choose_range(s, {calibrator}).range, constant) << calibrator_name(calibrator);
      EXPECT_EQ(signal_to_noise_db(s, constant), std::numeric_limits<double>::infinity());
    }
  EXPECT_EQ(choose_range(statistics_of({0.3}), {Calibrator::kAuto}).by, Calibrator::kMinMax)
      << "entropy's half bin makes it inexact";
}

TEST(ChooseRange, IsFiniteHasANormalScaleAndLiesNotAboveTheMaximum) {
  const float smallest = 127 * FLT_MIN;
  const std::map<std::string, std::vector<double>> strange{
      {"huge", {FLT_MAX, 1.0, 1e30}},
      {"all of the exponents", {FLT_MAX, 1e-20, 1, 1e-38, 1e-44, 1e20}},
      {"hardly a normal scale", {smallest, smallest / 2, 1e-40, 1e-39}},
      {"one large above denormals", {1.0, 1e-40, 1e-40, 1e-40, 1e-40, 1e-39, 1e-38}},
      {"beyond a gap", {1e30, 1, 2, 3, 1.5}},
      {"two buckets", {1.0, 1.01}},
      {"one value", {0.7}},
  };
  for (const auto& [name, values] : strange)
    for (const auto calibrator : kAll)
      for (const double percentile : {0.001, 50.0, 99.999, 100.0}) {
        const auto s = statistics_of(values);
        const float range = choose_range(s, {calibrator, percentile}).range;
        EXPECT_GE(range, smallest) << name;
        EXPECT_GE(range / 127.0F, FLT_MIN) << name;
        const double most = calibrator == Calibrator::kEntropy || calibrator == Calibrator::kAuto
                                ? s.max() * (2048.5 / 2048)
                                : s.max();
        EXPECT_LE(range, most) << name << " " << calibrator_name(calibrator);
        EXPECT_LE(range, FLT_MAX) << name;
        EXPECT_FALSE(std::isnan(signal_to_noise_db(s, range))) << name;
      }
}

TEST(ChooseRange, IsTheSameForShardsMergedInAnyOrder) {
  auto values = bell(9000, 12);
  const std::vector<double> first(values.begin(), values.begin() + 100),
      second(values.begin() + 100, values.end());
  auto one = statistics_of(first), other = statistics_of(second);
  one.merge(statistics_of(second));
  other.merge(statistics_of(first));
  for (const auto calibrator : kAll) {
    EXPECT_EQ(choose_range(one, {calibrator}), choose_range(statistics_of(values), {calibrator}));
    EXPECT_EQ(choose_range(other, {calibrator}), choose_range(one, {calibrator}));
  }
}

TEST(SignalToNoise, IsInfiniteWhereInt8IsExact) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(signal_to_noise_db(TensorStatistics{}, 1), kInfinity);
  EXPECT_EQ(signal_to_noise_db(statistics_of({0, 0}), FLT_EPSILON), kInfinity);
  EXPECT_EQ(signal_to_noise_db(statistics_of({5, 5}), 127), kInfinity);
}

// Of each value: all at one place, so that the histogram knows them exactly.
TEST(SignalToNoise, CountsRoundingAndClipping) {
  EXPECT_NEAR(signal_to_noise_db(statistics_of({2, 2}), 1), 10 * std::log10(4 / 1.0), 1e-12);
  EXPECT_NEAR(signal_to_noise_db(statistics_of({5.25}), 127), 10 * std::log10(5.25 * 5.25 / 0.0625), 1e-12);
  EXPECT_NEAR(signal_to_noise_db(statistics_of({0.25}), 127), 0, 1e-12);
}

TEST(ParseCalibrator, KnowsItsNames) {
  for (const auto calibrator : kAll) EXPECT_EQ(parse_calibrator(calibrator_name(calibrator)), calibrator);
  EXPECT_EQ(parse_calibrator("mse"), Calibrator::kMse);
  try {
    parse_calibrator("Entropy");
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kWrongUsage);
  }
}

}  // namespace
}  // namespace etalon
