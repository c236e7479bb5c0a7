#include "etalon/runtime/tensor_statistics.hpp"

#include <algorithm>
#include <bit>

namespace etalon {

float TensorStatistics::max() const { return std::bit_cast<float>(max_bits); }

void TensorStatistics::merge(const TensorStatistics& other) {
  values += other.values;
  nans += other.nans;
  infinities += other.infinities;
  max_bits = std::max(max_bits, other.max_bits);  // floats that are not negative order as their bits do
  for (std::size_t key = 0; key < kBuckets; ++key) buckets[key] += other.buckets[key];
}

float TensorStatistics::edge(std::uint32_t key) { return std::bit_cast<float>(key << 16); }

}  // namespace etalon
