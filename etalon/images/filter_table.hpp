// Which source pixels make up one output pixel of a resize along one axis, and how much each counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace etalon {

struct FilterTable {
  std::size_t stride = 0;              // places a row of `weights` has, at least the largest count
  std::vector<std::int32_t> weights;   // output x stride; kWeightBits fraction bits
  std::vector<std::int32_t> first;     // per output: its first source pixel
  std::vector<std::int32_t> count;     // per output: how many source pixels from there
};

// Pillow's PRECISION_BITS: 32 less 8 for the pixel and 2 for sums beyond 0 .. 255, which Lanczos's negative lobes make.
constexpr int kWeightBits = 22;

// Lanczos with three lobes, widened by max(1, in/out). The last few tables of this thread are kept: a calibration
// resizes thousands of pictures of one size, and the sines would take longer than the resize.
std::shared_ptr<const FilterTable> lanczos_table(int in, int out);

}  // namespace etalon
