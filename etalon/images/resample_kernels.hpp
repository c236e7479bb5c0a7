// The two passes of a resize, in the vector instructions of the processor at hand (chosen at run time). Whatever it
// chooses, the result is the same: the sums are of integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "etalon/images/filter_table.hpp"

namespace etalon {

// Rows of bytes, `stride` apart.
struct RowsIn {
  const std::uint8_t* data;
  std::size_t stride;
};
struct RowsOut {
  std::uint8_t* data;
  std::size_t stride;
};

// Output columns [begin, end) of `row_count` rows of pixels with interleaved `channels`. `out` starts at column
// `begin`. `scratch` is only there to be used again.
void filter_along_rows(RowsIn in, std::size_t row_count, std::size_t channels, const FilterTable& table,
                       std::size_t begin, std::size_t end, RowsOut out, std::vector<std::uint8_t>& scratch);

// All output rows of the table, each `width_bytes` wide. Row 0 of `in` is source row `first_row`.
void filter_along_columns(RowsIn in, std::size_t first_row, std::size_t width_bytes, const FilterTable& table,
                          RowsOut out);

}  // namespace etalon
