#include "etalon/report/range_histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/calibration/ranges.hpp"

namespace etalon {
namespace {

constexpr std::size_t kRangeColumn = kZeroedColumns + kKeptColumns;

TensorStatistics statistics_of(const std::vector<float>& values) {
  TensorStatistics s;
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(std::fabs(value));
    ++s.values;
    ++s.buckets[bits >> 16];
    s.max_bits = std::max(s.max_bits, bits);
  }
  return s;
}

std::vector<float> powers(double from, double to, std::size_t count) {  // evenly on a logarithmic axis
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = static_cast<float>(
        from * std::pow(to / from, static_cast<double>(i) / static_cast<double>(count - 1)));
  return values;
}

double sum(const RangeHistogram& columns, std::size_t begin, std::size_t end) {
  return std::accumulate(columns.begin() + static_cast<std::ptrdiff_t>(begin),
                         columns.begin() + static_cast<std::ptrdiff_t>(end), 0.0);
}

TEST(RangeHistogram, HasTheRangeAndHalfAStepAtTheEdgesOfColumns) {
  EXPECT_EQ(column_edge(kRangeColumn, 6.0F), 6.0);
  EXPECT_NEAR(column_edge(kZeroedColumns, 6.0F), 6.0 / 254, 1e-15);
}

TEST(RangeHistogram, HoldsEveryValueButTheZeros) {
  std::vector<float> values = powers(1e-9, 1e4, 30000);
  values.insert(values.end(), 500, 0.0F);
  const TensorStatistics s = statistics_of(values);
  for (const float range : {1e-8F, 0.3F, 1e4F, 1e9F}) {
    const RangeHistogram columns = range_histogram(s, range);
    EXPECT_NEAR(sum(columns, 0, columns.size()), 30000, 1e-6) << range;
    EXPECT_NEAR(sum(columns, kRangeColumn, columns.size()),
                clipped_share(s, range) * static_cast<double>(s.values), 1e-6)
        << range;
  }
}

TEST(RangeHistogram, IsLevelForWhatIsLevelOnItsAxis) {
  // Every column of the middle gets its share: 56 columns are ln 254 of ln 1e9.
  const RangeHistogram columns = range_histogram(statistics_of(powers(1e-6, 1e3, 200000)), 1.0F);
  const double each = 200000 * std::log(254) / 56 / std::log(1e9);
  for (std::size_t i = 1; i + 1 < columns.size(); ++i) EXPECT_NEAR(columns[i], each, each * 0.02) << i;
}

TEST(RangeHistogram, CountsAValueAtTheRangeAsKept) {
  for (const float range : {1.0F, 0.3F, 7.4509F}) {
    const RangeHistogram columns = range_histogram(statistics_of({range, range}), range);
    EXPECT_EQ(columns[kRangeColumn - 1], 2) << range;
    const RangeHistogram beyond = range_histogram(statistics_of({range * 1.01F}), range);
    EXPECT_EQ(beyond[kRangeColumn], 1) << range;
  }
}

TEST(RangeHistogram, PutsWhatLiesFartherOutIntoTheOuterColumns) {
  const RangeHistogram columns = range_histogram(statistics_of({1e-30F, FLT_MAX}), 1.0F);
  EXPECT_EQ(columns.front(), 1);
  EXPECT_EQ(columns.back(), 1);
}

TEST(RangeHistogram, RefusesWhatIsNoRange) {
  for (const float range : {0.0F, -1.0F, std::numeric_limits<float>::infinity(), std::nanf("")})
    EXPECT_THROW(range_histogram({}, range), Error);
}

TEST(RangeHistogramSvg, SaysWhereNothingIsToBeDrawn) {
  EXPECT_NE(range_histogram_svg({}, 1.0F).find("no value was seen"), std::string::npos);
  EXPECT_NE(range_histogram_svg(statistics_of({0, 0}), FLT_EPSILON).find("every value was zero"),
            std::string::npos);
}

TEST(RangeHistogramSvg, HasNoColourForZonesThatAreEmpty) {
  const auto has = [](const std::string& svg, const char* zone) {
    return svg.find(std::string("<path class=\"") + zone + "\"") != std::string::npos;
  };
  const std::string kept = range_histogram_svg(statistics_of({0.5F, 1.0F}), 1.0F);
  EXPECT_TRUE(has(kept, "k"));
  EXPECT_FALSE(has(kept, "b"));
  EXPECT_FALSE(has(kept, "z"));
  const std::string all = range_histogram_svg(statistics_of({0.001F, 0.5F, 2.0F}), 1.0F);
  EXPECT_TRUE(has(all, "k") && has(all, "b") && has(all, "z"));
}

TEST(RangeHistogramSvg, IsSmallHoweverMuchWasCounted) {
  TensorStatistics s = statistics_of(powers(1e-6, 3, 100000));
  for (auto& count : s.buckets) count *= 1'000'000'000'000;
  const std::string svg = range_histogram_svg(s, 1.0F);
  EXPECT_LT(svg.size(), 4000U);
  for (const float range : {FLT_MAX, 127 * FLT_MIN})
    EXPECT_EQ(range_histogram_svg(s, range).find("nan"), std::string::npos);
}

}  // namespace
}  // namespace etalon
