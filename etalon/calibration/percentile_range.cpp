// The smallest range that holds a share of the values that are not zero.
//
// Buckets are passed from the lowest up until the count of values is reached. Inside the bucket where that
// happens the values lie evenly, so the range cuts it in proportion:
//
//   100 values in [1, 2], 100 in [4, 8]
//   75 percent: 150 values, all of the first bucket and half of the second: 6
//   50 percent: 100 values, all of the first bucket: 2; what is beyond the gap is clipped
//
// A range is off by at most one bucket, 1/128 of its value. Zeros do not count: with them, 99.9 % of a tensor
// of which one value in a thousand is not zero would be zero.
#include "etalon/calibration/range_searches.hpp"

namespace etalon {

double percentile_range(std::span<const ValueBucket> buckets, double percentile) {
  double all = 0;
  for (const ValueBucket& bucket : buckets) all += bucket.count;
  const double wanted = all * percentile / 100;  // in this order: 99 % of 40000 is 39600 to the last bit
  double below = 0;
  for (const ValueBucket& bucket : buckets) {
    if (below + bucket.count >= wanted)
      return bucket.low + (wanted - below) / bucket.count * (bucket.high - bucket.low);
    below += bucket.count;
  }
  return buckets.back().high;
}

}  // namespace etalon
