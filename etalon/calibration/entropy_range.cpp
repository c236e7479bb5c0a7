// The entropy calibrator.
//
// TensorRT's looks for the range at which the distribution of |x|, cut at the range and written with 128
// levels, differs least (Kullback-Leibler) from the one that is only cut. It works on 2048 bins of equal
// width up to the largest |x|; candidates keep the lowest i bins, i = 128 .. 2048, and a range is (i + 0.5)
// bins (NVIDIA's own tables: 2048.5 / 2048 for a tensor that is not clipped, hence 3c010a14 for a sigmoid).
//   P: bins 0 .. i-1, all that is clipped added to the last.
//   Q: the same bins without what is clipped, in 128 groups; a group's sum is spread evenly over those of its
//   bins that
//      are not empty in P.
//   D = sum P ln(P / Q), both normalised. Smallest D wins; of equals the one that clips least.
//
// Two departures, without which the search destroys DetectNet_v2 (0 dB at the outputs instead of 30,
// docs/calibration.md):
//   - zeros are left out. After a ReLU they are half of all values and exact in INT8 at any range, but they
//   make bin 0
//     outweigh everything, so that the search keeps few bins.
//   - at most 1 % of the other values may be clipped.
//
// The buckets of the statistics are spread evenly over the bins that they overlap, the topmost only up to the
// largest |x|. All sums are in double and in one order, so that the same statistics give the same bits.
//
// Example: a tensor that is 1 everywhere has one bucket, [1, 1]; it fills bin 2047; every i below 2048 would
// clip all of it; range = 2048.5 / 2048. Counterexample: 40000 values around 1 and one of 1000. All but that
// one lie in bins 0 to 3, and for every i below 2048 the clipped one falls into a group that is empty
// otherwise: D is infinite, nothing is clipped, and INT8 has one step for all the rest. That is the price of
// a definition without tuned smoothing: rare large values beyond a gap may be all that matters (the few cells
// of a detector's sigmoid that see an object), so they are kept.
//
// Cost: sums over groups come from running totals, 128 logarithms a candidate, about 3 ms for all 1921
// candidates; the cap leaves most tensors a few hundred. Sources: Migacz, "8-bit inference with TensorRT"
// (GTC 2017); docs/calibration.md for what NVIDIA's tables show.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "etalon/calibration/range_searches.hpp"

namespace etalon {
namespace {

constexpr std::size_t kBins = 2048;
constexpr std::size_t kLevels = 128;   // non-negative INT8 steps
constexpr double kMostClipped = 0.01;  // of the values that are not zero

// Running totals over the bins: [i] is of bins 0 .. i-1.
struct Bins {
  std::array<double, kBins> count{};
  std::array<double, kBins + 1> total{};
  std::array<double, kBins + 1> filled{};   // bins that are not empty
  std::array<double, kBins + 1> entropy{};  // of count * ln(count)
};

double count_log_count(double count) { return count > 0 ? count * std::log(count) : 0; }

Bins linear_bins(std::span<const ValueBucket> buckets, double max) {
  Bins bins;
  const double width = max / kBins;
  for (const auto& [low, high, count] : buckets) {
    const auto bin_of = [&](double x) { return std::min(kBins - 1, static_cast<std::size_t>(x / width)); };
    const std::size_t first = bin_of(low), last = bin_of(high);
    if (first == last) {
      bins.count[first] += count;
      continue;
    }
    const double density = count / (high - low);
    for (std::size_t bin = first; bin <= last; ++bin) {
      const double from = std::max(low, static_cast<double>(bin) * width);
      const double to = bin == last ? high : static_cast<double>(bin + 1) * width;
      bins.count[bin] += std::max(0.0, density * (to - from));
    }
  }
  for (std::size_t i = 0; i < kBins; ++i) {
    bins.total[i + 1] = bins.total[i] + bins.count[i];
    bins.filled[i + 1] = bins.filled[i] + (bins.count[i] > 0 ? 1 : 0);
    bins.entropy[i + 1] = bins.entropy[i] + count_log_count(bins.count[i]);
  }
  return bins;
}

// D of the candidate that keeps bins 0 .. i-1; nothing where Q has no place for what P has.
std::optional<double> divergence(const Bins& bins, std::size_t i) {
  const double all = bins.total[kBins], kept = bins.total[i], clipped = all - kept;
  if (kept <= 0) return std::nullopt;
  const double last = bins.count[i - 1] + clipped;
  const double p_log_p = bins.entropy[i - 1] + count_log_count(last);
  double p_log_q = 0;
  for (std::size_t group = 0; group < kLevels; ++group) {
    const std::size_t begin = group * i / kLevels, end = (group + 1) * i / kLevels;
    const double sum = bins.total[end] - bins.total[begin];
    double in_p = sum, filled = bins.filled[end] - bins.filled[begin];
    if (end == i && clipped > 0) {
      in_p += clipped;
      if (bins.count[i - 1] == 0) filled += 1;
    }
    if (in_p <= 0) continue;
    if (sum <= 0) return std::nullopt;
    p_log_q += in_p * std::log(sum / filled);
  }
  // P is over `all`, Q over `kept`
  return (p_log_p - p_log_q) / all - std::log(all) + std::log(kept);
}

}  // namespace

double entropy_range(std::span<const ValueBucket> buckets, double max) {
  const Bins bins = linear_bins(buckets, max);
  const double all = bins.total[kBins];
  std::size_t best = kBins;
  double least = divergence(bins, kBins).value_or(std::numeric_limits<double>::infinity());
  for (std::size_t i = kBins - 1; i >= kLevels && all - bins.total[i] <= kMostClipped * all; --i)
    if (const auto d = divergence(bins, i); d && *d < least) {
      least = *d;
      best = i;
    }
  return (static_cast<double>(best) + 0.5) * max / kBins;
}

}  // namespace etalon
