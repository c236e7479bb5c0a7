// The searches behind choose_range (ranges.hpp). All see a tensor as buckets of |x| without the zeros: after
// a ReLU these are half of all values, and they are exact in INT8 at any range.
#pragma once

#include <span>
#include <vector>

#include "etalon/runtime/tensor_statistics.hpp"

namespace etalon {

// `count` values that lie evenly in [low, high], 0 < low <= high; all of them at one place where low == high.
struct ValueBucket {
  double low, high, count;
};

// The histogram's buckets that hold something, ascending; the topmost ends at the largest |x|. If there is
// only one, all its values are taken for the largest: they differ by less than 1/128, and a constant is by
// far the likeliest.
std::vector<ValueBucket> filled_buckets(const TensorStatistics& statistics);

// Ranges for buckets (at least one) whose topmost ends at `max`. Sums are in double and in one order: the
// same buckets give the same bits.
double entropy_range(std::span<const ValueBucket> buckets, double max);  // at most max * (1 + 1 / 4096)
double percentile_range(std::span<const ValueBucket> buckets, double percentile);  // 0 < percentile <= 100
double least_squares_range(std::span<const ValueBucket> buckets, double max);

// Sums over all values of the square, and of the square of what INT8 with this range (> 0) makes wrong.
double sum_of_squares(std::span<const ValueBucket> buckets);
double squared_error(std::span<const ValueBucket> buckets, double range);
double clipped_error(std::span<const ValueBucket> buckets,
                     double range);  // the part that is beyond the range

}  // namespace etalon
