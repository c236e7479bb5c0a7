#include "etalon/calibration/ranges.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <limits>

#include "etalon/base/error.hpp"
#include "etalon/calibration/range_searches.hpp"

namespace etalon {
namespace {

constexpr std::array<std::string_view, 5> kNames{"entropy", "minmax", "percentile", "mse",
                                                 "auto"};  // as the enum
constexpr std::array kAutoChoosesFrom{Calibrator::kEntropy, Calibrator::kMinMax, Calibrator::kPercentile,
                                      Calibrator::kMse};

constexpr float kRangeOfZeros =
    FLT_EPSILON;  // TensorRT's, for a tensor that was zero throughout (30810204 in its tables)
// Below, range / 127 would be denormal or zero, which TensorRT refuses or flushes: as good as zero.
constexpr float kSmallestRange = 127 * FLT_MIN;

// Rounding errors have both signs and average out in the sums of the next convolution; what is clipped is
// always too small, and adds up there. How much that counts is measured: docs/calibration.md, "How good".
constexpr double kClippingCounts = 2;

double searched_range(std::span<const ValueBucket> buckets, double max, Calibrator calibrator,
                      double percentile) {
  switch (calibrator) {
    case Calibrator::kEntropy:
      return entropy_range(buckets, max);
    case Calibrator::kMinMax:
      return max;
    case Calibrator::kPercentile:
      return percentile_range(buckets, percentile);
    case Calibrator::kMse:
      return least_squares_range(buckets, max);
    case Calibrator::kAuto:
      break;
  }
  throw Error(Kind::kInternal, "'auto' has no range of its own");
}

}  // namespace

std::string_view calibrator_name(Calibrator calibrator) {
  return kNames.at(static_cast<std::size_t>(calibrator));
}

Calibrator parse_calibrator(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found != kNames.end()) return static_cast<Calibrator>(found - kNames.begin());
  throw Error(Kind::kWrongUsage, fmt::format("calibrator '{}' is not known, expected one of {}",
                                             escaped(name), fmt::join(kNames, ", ")));
}

ChosenRange choose_range(const TensorStatistics& statistics, const RangeRule& rule) {
  if (!(rule.percentile > 0 && rule.percentile <= 100))
    throw Error(
        Kind::kWrongUsage,
        fmt::format("a range cannot hold {} percent of the values, expected more than 0 and at most 100",
                    rule.percentile));
  const bool automatic = rule.calibrator == Calibrator::kAuto;
  const auto buckets = filled_buckets(statistics);
  if (statistics.max() < kSmallestRange || buckets.empty())
    return {kRangeOfZeros, automatic ? kAutoChoosesFrom[0] : rule.calibrator};
  const auto range_by = [&](Calibrator calibrator) {
    const double range = searched_range(buckets, statistics.max(), calibrator, rule.percentile);
    return ChosenRange{static_cast<float>(std::clamp<double>(range, kSmallestRange, FLT_MAX)), calibrator};
  };
  if (!automatic) return range_by(rule.calibrator);
  ChosenRange best{};
  double least = std::numeric_limits<double>::infinity();
  for (const Calibrator calibrator : kAutoChoosesFrom) {
    const ChosenRange chosen = range_by(calibrator);
    const double loss =
        squared_error(buckets, chosen.range) + (kClippingCounts - 1) * clipped_error(buckets, chosen.range);
    if (loss < least) {
      least = loss;
      best = chosen;
    }
  }
  return best;
}

double signal_to_noise_db(const TensorStatistics& statistics, float range) {
  const auto buckets = filled_buckets(statistics);
  const double error = squared_error(buckets, range);
  return error == 0 ? std::numeric_limits<double>::infinity()
                    : 10 * std::log10(sum_of_squares(buckets) / error);
}

double clipped_share(const TensorStatistics& statistics, float range) {
  if (statistics.values == 0) return 0;
  double beyond = 0;
  for (const auto& [low, high, count] : filled_buckets(statistics))
    if (high > range) beyond += low >= range ? count : count * (high - range) / (high - low);
  return beyond / static_cast<double>(statistics.values);
}

}  // namespace etalon
