// Counts float32 values by their upper 16 bits: sign, exponent and 7 mantissa bits.
//
// The sign is counted although TensorStatistics are of |x|, because the statistics of max(x, 0) then come for
// free: what was negative is a zero there. A Relu whose input is observed needs no counting of its own.
//
//   SignedHistogram histogram;
//   histogram.add(values);
//   histogram.take(statistics, nullptr);
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "etalon/runtime/tensor_statistics.hpp"

namespace etalon {

// For one thread at a time. 256 KiB of address space, of which only the pages that are counted in take
// memory.
class SignedHistogram {
 public:
  // The counters have 32 bits; after `spill_after` values at the latest they are emptied into 64-bit ones.
  explicit SignedHistogram(std::uint64_t spill_after = std::uint64_t{1} << 31);

  void add(std::span<const float> values);

  // Adds what was counted to `magnitude` as statistics of |x| and, if not null, to `rectified` as those of
  // max(x, 0), where a NaN stays a NaN; then starts anew.
  void take(TensorStatistics& magnitude, TensorStatistics* rectified);

 private:
  struct Free {
    void operator()(std::uint32_t* memory) const { std::free(memory); }
  };
  // Counters that a thread keeps warm, and what was counted there: signed_histogram.cpp, "Warm and cold".
  struct Warm {
    std::uint16_t* counters;
    std::uint64_t values = 0;
    std::uint32_t largest = 0;                         // no counter is above
    std::uint32_t top_positive = 0, top_negative = 0;  // largest keys, signs taken away
  };
  void add_unspilled(const float* data, std::size_t n);
  Warm cool_down(Warm warm);
  void look_closely(const float* block, std::size_t n, std::uint32_t largest_key);
  void spill();
  std::uint64_t take_unspilled(std::uint32_t key);

  std::uint64_t spill_after_;
  std::uint64_t unspilled_ = 0;                         // values in counts_
  std::uint64_t values_ = 0;                            // all
  std::uint32_t max_bits_ = 0, max_positive_bits_ = 0;  // largest finite |x| and max(x, 0)
  std::uint64_t disguised_nans_[2] = {0, 0};            // by sign: NaNs whose upper half looks like infinity
  bool drop_zeros_ = false;
  std::unique_ptr<std::uint32_t[], Free> counts_;
  std::vector<std::uint64_t> spilled_;  // by key; empty until the first spill
};

}  // namespace etalon
