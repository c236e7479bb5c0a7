#include <algorithm>

#include "etalon/calibration/range_searches.hpp"

namespace etalon {

std::vector<ValueBucket> filled_buckets(const TensorStatistics& statistics) {
  const double max = statistics.max();
  std::vector<ValueBucket> filled;
  for (std::uint32_t key = 1; key <= statistics.max_bits >> 16; ++key)  // 0: the zeros
    if (const std::uint64_t count = statistics.buckets[key])
      filled.push_back({TensorStatistics::edge(key), std::min<double>(TensorStatistics::edge(key + 1), max),
                        static_cast<double>(count)});
  if (filled.size() == 1) filled.front().low = filled.front().high = max;
  return filled;
}

}  // namespace etalon
