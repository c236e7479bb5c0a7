// A tensor's values beside the range that was chosen for it, as a small drawing.
//
// The axis is that of log |x|, and it is laid out by the range, so that all tensors can be compared at a
// glance: the range stands at the same place in every drawing, and so does half a step of INT8, below which
// values become zero.
//
//   |x|   ... range / 254 / 16   range / 254 (half a step)            range             range * 4.9 ...
//         |  28 columns: become zero  |  56 columns: told apart  |  16 columns: clipped  |
//
// The first and the last column also hold what lies farther out. Heights are log(1 + count).
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "etalon/runtime/tensor_statistics.hpp"

namespace etalon {

inline constexpr std::size_t kZeroedColumns = 28, kKeptColumns = 56, kClippedColumns = 16;
using RangeHistogram = std::array<double, kZeroedColumns + kKeptColumns + kClippedColumns>;

// Values in each column; those that are zero are in none. A bucket that two columns share is split as if its
// values lay evenly. Their sum is what was counted without zeros. Error (kInternal): range is not positive
// and finite.
RangeHistogram range_histogram(const TensorStatistics& statistics, float range);

// Lower edge of a column, in the tensor's own unit; edge(kZeroedColumns + kKeptColumns) is the range.
double column_edge(std::size_t column, float range);

// An <svg> that the page's style colours: classes z, k, b (zeroed, kept, beyond), g (grid), t (text).
std::string range_histogram_svg(const TensorStatistics& statistics, float range);

}  // namespace etalon
