// From a tensor's statistics to the range that INT8 shall cover: a value x becomes the nearest of -127 .. 127
// steps of range / 127, and what lies beyond the range becomes the range.
//
//   const ChosenRange chosen = choose_range(statistics, {.calibrator = Calibrator::kAuto});
//   chosen.range                                        // 0.974
//   calibrator_name(chosen.by)                          // "mse"
//   signal_to_noise_db(statistics, chosen.range)        // 38.2
//
// Everything here is a function of the statistics alone: shards that were counted apart and merged choose the
// same bits.
#pragma once

#include <string_view>

#include "etalon/runtime/tensor_statistics.hpp"

namespace etalon {

enum class Calibrator { kEntropy, kMinMax, kPercentile, kMse, kAuto };
std::string_view calibrator_name(Calibrator calibrator);  // "entropy", "minmax", "percentile", "mse", "auto"
Calibrator parse_calibrator(std::string_view name);       // Error(kWrongUsage) names the known ones

struct RangeRule {
  Calibrator calibrator = Calibrator::kEntropy;
  double percentile = 99.999;  // of the values that are not zero, that the range holds; above 0, at most 100
};

struct ChosenRange {
  float range;    // > 0 and finite; range / 127 is a normal float32
  Calibrator by;  // the calibrator whose range it is: for kAuto the one that was best, else the rule's own
  bool operator==(const ChosenRange&) const = default;
};

// Precondition: no NaN and no Inf were counted, max_bits is finite.
// Error(kWrongUsage): percentile out of its bounds.
//   entropy: TensorRT's search over 2048 bins, zeros left out, at most 1 % of the others clipped; up to
//            1/4096 above the largest |x|;
//   minmax: the largest |x|;
//   percentile: the smallest range that holds `percentile` percent of the values that are not zero;
//   mse: least squared error of INT8, of 2048 ranges evenly up to the largest |x|;
//   auto: of these four the one with the least squared error if what is clipped counts twice, of equals
//         the first.
// A tensor that was zero throughout (or empty, or whose scale would be denormal) gets FLT_EPSILON, as
// TensorRT gives it.
ChosenRange choose_range(const TensorStatistics& statistics, const RangeRule& rule);

// The sum of the values' squares over that of their errors in INT8 with this range (> 0), by rounding and by
// clipping; infinite where INT8 is exact. From the histogram: values lie evenly in a bucket, up to the
// largest |x|.
double signal_to_noise_db(const TensorStatistics& statistics, float range);

// The part of all values, zeros among them, whose |x| is beyond the range (> 0): 0 to 1, and 0 where nothing
// was counted. From the histogram, as above.
double clipped_share(const TensorStatistics& statistics, float range);

}  // namespace etalon
