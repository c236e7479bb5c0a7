// What is kept of a tensor's values: integers only, so that any split over images, threads or machines merges to the
// same numbers. The bucket of x is the upper half of the float32 without its sign (8 exponent and 7 mantissa bits, so a
// bucket is at most 1/128 of its value wide).
#pragma once

#include <cstdint>
#include <vector>

namespace etalon {

struct TensorStatistics {
  static constexpr std::uint32_t kBuckets = 0x7f80;  // keys of finite numbers; 0x7f80 is infinity, above it NaN

  std::uint64_t values = 0;      // all that were seen
  std::uint64_t nans = 0, infinities = 0;
  std::uint32_t max_bits = 0;    // bit pattern of the largest finite |x|
  std::vector<std::uint64_t> buckets = std::vector<std::uint64_t>(kBuckets);  // [0]: zeros (and |x| < 2^-133)

  float max() const;                       // largest finite |x|
  std::uint64_t zeros() const { return buckets[0]; }
  void merge(const TensorStatistics& other);
  bool operator==(const TensorStatistics&) const = default;

  // Lower edge of a bucket: the float32 whose upper half is `key`. Its values lie in [edge(key), edge(key + 1)).
  static float edge(std::uint32_t key);
};

}  // namespace etalon
