// What INT8 costs on a histogram, and the range that costs least.
//
// In units of the step s = range / 127 a value u becomes round(u), at most 127. The integral of the squared
// error from 0 to u has a closed form: every whole cell k - 1/2 .. k + 1/2 adds the integral of t^2 over -1/2
// .. 1/2, which is 1/12, so
//
//   E(u) = k / 12 + (u - k)^3 / 3,             k = round(u), for u <= 127
//   E(u) = 127 / 12 + (u - 127)^3 / 3          above: clipped
//
// and values that lie evenly in [low, high] cost count * (E(high) - E(low)) / (high - low). That matters:
// buckets of the statistics are up to 1/128 of their value wide, which near the top of the range is a whole
// step. Taking a bucket's values for its middle would make the search look for the ranges whose steps meet
// the middles.
//
// The search tries 2048 ranges evenly up to the largest |x|, from the largest down; of equals the largest
// wins. What is clipped only grows on the way: once it alone costs more than the best range does in all, the
// search is over. A range that has cost too much already is abandoned. Buckets below half a step all become
// zero and cost their squares, whose sums are at hand. So about a thousand buckets a candidate remain (half a
// step to 127 steps are 8 octaves of 128 buckets).
//
// Example: 40000 values around 1 and one of 1000. At the maximum a step is 8, and the 40000 become zero,
// which costs 40000. A step of 1 or less clips the one at 127, which costs 873^2 = 762000. The range is the
// maximum: a large value counts by its square. Among 40 million values it would be clipped.
#include <algorithm>
#include <cmath>
#include <limits>

#include "etalon/calibration/range_searches.hpp"

namespace etalon {
namespace {

constexpr int kCandidates = 2048;
constexpr double kSteps = 127;

// E of the essay.
double error_integral(double u) {
  const double k = u < kSteps ? static_cast<double>(static_cast<int>(u + 0.5)) : kSteps;
  const double off = u - k;
  return k * (1.0 / 12) + off * off * off * (1.0 / 3);  // products: this is most of the search's time
}

// Mean square of a number that lies evenly in [low, high].
double mean_square(double low, double high) { return (low * low + low * high + high * high) / 3; }

// In squared steps; `per_unit`: steps a unit of the values.
double error_of(const ValueBucket& bucket, double per_unit) {
  const double low = bucket.low * per_unit, high = bucket.high * per_unit;
  if (low >= kSteps) return bucket.count * mean_square(low - kSteps, high - kSteps);
  if (high <= 0.5) return bucket.count * mean_square(low, high);
  if (low == high) {
    const double off = low - std::floor(low + 0.5);
    return bucket.count * off * off;
  }
  // Rounding of nearly equal integrals may leave less than nothing.
  return bucket.count * std::max(0.0, (error_integral(high) - error_integral(low)) / (high - low));
}

}  // namespace

double sum_of_squares(std::span<const ValueBucket> buckets) {
  double sum = 0;
  for (const ValueBucket& bucket : buckets) sum += bucket.count * mean_square(bucket.low, bucket.high);
  return sum;
}

double squared_error(std::span<const ValueBucket> buckets, double range) {
  const double per_unit = kSteps / range;
  double sum = 0;
  for (const ValueBucket& bucket : buckets) sum += error_of(bucket, per_unit);
  return sum / (per_unit * per_unit);
}

double clipped_error(std::span<const ValueBucket> buckets, double range) {
  double sum = 0;
  for (const auto& [low, high, count] : buckets) {
    if (high <= range) continue;
    const double from = std::max(low, range), share = high > low ? (high - from) / (high - low) : 1;
    sum += count * share * mean_square(from - range, high - range);
  }
  return sum;
}

double least_squares_range(std::span<const ValueBucket> buckets, double max) {
  // A topmost bucket without width has its own place below, and density 0 here.
  const ValueBucket& top = buckets.back();
  std::vector<double> density(buckets.size()),
      squares(buckets.size() + 1);  // squares[i]: of the lowest i buckets
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const auto& [low, high, count] = buckets[i];
    density[i] = high > low ? count / (high - low) : 0;
    squares[i + 1] = squares[i] + count * mean_square(low, high);
  }

  double best = max, least = std::numeric_limits<double>::infinity();
  for (int candidate = kCandidates; candidate >= 1; --candidate) {
    const double range = max * candidate / kCandidates, per_unit = kSteps / range;
    const double step_squared = 1 / (per_unit * per_unit), step_cubed = step_squared / per_unit;
    const double limit = least / step_cubed;  // of the sum of densities times integrals
    double sum = top.high > top.low ? 0 : error_of(top, per_unit) * step_squared / step_cubed;
    double edge = 0, integral_there = 0;  // the last bucket's lower edge: mostly the next one's upper
    bool only_clipped = true;
    std::size_t i = buckets.size();
    for (; i > 0 && buckets[i - 1].high * per_unit > 0.5 && sum < limit; --i) {
      const auto& [low, high, count] = buckets[i - 1];
      const double above = high == edge ? integral_there : error_integral(high * per_unit);
      edge = low;
      integral_there = error_integral(low * per_unit);
      sum += density[i - 1] * (above - integral_there);
      only_clipped = only_clipped && low >= range;
    }
    if (sum >= limit) {
      if (only_clipped) break;
      continue;
    }
    const double error = sum * step_cubed + squares[i];
    if (error < least) {
      least = error;
      best = range;
    }
  }
  return best;
}

}  // namespace etalon
