// One kernel does both passes: `weighted_rows` adds up rows of bytes, each times one weight. For the vertical pass that
// is the picture as it lies. For the horizontal pass 64 rows at a time are transposed, so that a column of the picture
// becomes a row of 64 bytes, and transposed back: shuffling each byte twice is cheap next to the six or more products
// that it takes part in, and the same code serves every number of channels.
//
//   4 rows of RGB      transposed            source pixel x, channel c is row 3x + c;
//   r0 g0 b0 r1 ..     r0 r0 r0 r0           output pixel i is the weighted sum of
//   r0 g0 b0 r1 ..     g0 g0 g0 g0           rows 3 * first + c, 3 * (first + 1) + c, ...
//   ..                 b0 b0 b0 b0  ..
//
// The sums are exact in 32 bits: 255 * the sum of the weights' magnitudes stays below 2^31 (see kWeightBits), so their
// order does not matter and every instruction set gives Pillow's bytes.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "etalon/images/resample_kernels.cpp"
#include "hwy/foreach_target.h"  // includes this file once for every instruction set
// after foreach_target.h
#include "hwy/cache_control.h"
#include "hwy/highway.h"

#include <algorithm>
#include <cstring>

#include "etalon/images/resample_kernels.hpp"

HWY_BEFORE_NAMESPACE();
namespace etalon {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t kBlockRows = 64;  // rows transposed together; a multiple of every vector's lanes
constexpr std::size_t kPrefetchBytes = 256;
constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

const hn::CappedTag<std::int32_t, 16> d32;
const hn::Rebind<std::uint8_t, decltype(d32)> d8;

// kVectors vectors of output bytes at column x.
template <std::size_t kVectors>
HWY_INLINE void weighted_vectors(const std::uint8_t* HWY_RESTRICT rows, std::size_t stride,
                                 const std::int32_t* HWY_RESTRICT weights, std::size_t count,
                                 std::uint8_t* HWY_RESTRICT out) {
  const std::size_t lanes = hn::Lanes(d32);
  auto sum0 = hn::Set(d32, kHalf);
  auto sum1 = sum0, sum2 = sum0, sum3 = sum0;
  for (std::size_t tap = 0; tap < count; ++tap, rows += stride) {
    const auto weight = hn::Set(d32, weights[tap]);
    const auto term = [&](std::size_t v) HWY_ATTR {
      return hn::Mul(hn::PromoteTo(d32, hn::LoadU(d8, rows + v * lanes)), weight);
    };
    sum0 = hn::Add(sum0, term(0));
    if constexpr (kVectors == 4) {
      sum1 = hn::Add(sum1, term(1));
      sum2 = hn::Add(sum2, term(2));
      sum3 = hn::Add(sum3, term(3));
    }
  }
  // DemoteTo clamps to 0 .. 255.
  const auto store = [&](auto sum, std::size_t v) HWY_ATTR {
    hn::StoreU(hn::DemoteTo(d8, hn::ShiftRight<kWeightBits>(sum)), d8, out + v * lanes);
  };
  store(sum0, 0);
  if constexpr (kVectors == 4) {
    store(sum1, 1);
    store(sum2, 2);
    store(sum3, 3);
  }
}

HWY_INLINE void weighted_bytes(const std::uint8_t* rows, std::size_t stride, const std::int32_t* weights,
                               std::size_t count, std::uint8_t* out, std::size_t width) {
  for (std::size_t x = 0; x < width; ++x) {
    std::int32_t sum = kHalf;
    for (std::size_t tap = 0; tap < count; ++tap) sum += rows[tap * stride + x] * weights[tap];
    out[x] = static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
  }
}

// out[x] = sum of rows[tap * stride + x] * weights[tap], rounded and clamped.
HWY_INLINE void weighted_rows(const std::uint8_t* rows, std::size_t stride, const std::int32_t* weights,
                              std::size_t count, std::uint8_t* out, std::size_t width) {
  const std::size_t lanes = hn::Lanes(d32);
  if (width < lanes) return weighted_bytes(rows, stride, weights, count, out, width);
  std::size_t x = 0;
  for (; x + 4 * lanes <= width; x += 4 * lanes) weighted_vectors<4>(rows + x, stride, weights, count, out + x);
  for (; x + lanes <= width; x += lanes) weighted_vectors<1>(rows + x, stride, weights, count, out + x);
  // The rest once more together with bytes that are done: nothing is read or written beyond the row.
  if (x < width) weighted_vectors<1>(rows + width - lanes, stride, weights, count, out + width - lanes);
}

HWY_INLINE void transpose_bytes(const std::uint8_t* in, std::size_t in_stride, std::size_t rows, std::size_t columns,
                                std::uint8_t* out, std::size_t out_stride) {
  for (std::size_t c = 0; c < columns; ++c)
    for (std::size_t r = 0; r < rows; ++r) out[c * out_stride + r] = in[r * in_stride + c];
}

#if HWY_TARGET == HWY_SCALAR
HWY_INLINE void transpose(const std::uint8_t* in, std::size_t in_stride, std::size_t rows, std::size_t columns,
                          std::uint8_t* out, std::size_t out_stride) {
  transpose_bytes(in, in_stride, rows, columns, out, out_stride);
}
#else
// As transpose_bytes for 16 rows and 16 columns. Interleaving row i with row i + 8 moves one bit of the row number into
// the column number; four times moves all. Unrolled, because g++ at -O2 would keep the arrays in memory.
HWY_INLINE void transpose_tile(const std::uint8_t* HWY_RESTRICT in, std::size_t in_stride,
                               std::uint8_t* HWY_RESTRICT out, std::size_t out_stride) {
  const hn::FixedTag<std::uint8_t, 16> d;
  using V = hn::Vec<decltype(d)>;
  V a[16], b[16];
  const auto interleave = [&](const V* from, V* to) HWY_ATTR {
    HWY_UNROLL(8)
    for (std::size_t i = 0; i < 8; ++i) {
      to[2 * i] = hn::InterleaveLower(d, from[i], from[i + 8]);
      to[2 * i + 1] = hn::InterleaveUpper(d, from[i], from[i + 8]);
    }
  };
  HWY_UNROLL(16)
  for (std::size_t i = 0; i < 16; ++i) a[i] = hn::LoadU(d, in + i * in_stride);
  interleave(a, b);
  interleave(b, a);
  interleave(a, b);
  interleave(b, a);
  HWY_UNROLL(16)
  for (std::size_t i = 0; i < 16; ++i) hn::StoreU(a[i], d, out + i * out_stride);
}

// Sides of 16 and more in tiles, the last of which overlaps the one before.
HWY_INLINE void transpose(const std::uint8_t* in, std::size_t in_stride, std::size_t rows, std::size_t columns,
                          std::uint8_t* out, std::size_t out_stride) {
  if (rows < 16 || columns < 16) return transpose_bytes(in, in_stride, rows, columns, out, out_stride);
  for (std::size_t c = 0; c < columns; c += 16) {
    const std::size_t column = std::min(c, columns - 16);
    for (std::size_t r = 0; r < rows; r += 16) {
      const std::size_t row = std::min(r, rows - 16);
      if (c % 64 == 0)  // 64 rows are more streams than a processor follows by itself
        for (std::size_t i = 0; i < 16; ++i)
          hwy::Prefetch(in + (row + i) * in_stride + std::min(column + kPrefetchBytes, columns - 1));
      transpose_tile(in + row * in_stride + column, in_stride, out + column * out_stride + row, out_stride);
    }
  }
}
#endif

void filter_along_rows_here(RowsIn in, std::size_t row_count, std::size_t channels, const FilterTable& table,
                            std::size_t begin, std::size_t end, RowsOut out, std::vector<std::uint8_t>& scratch) {
  const auto first_pixel = static_cast<std::size_t>(table.first[begin]);
  const auto last_pixel = static_cast<std::size_t>(table.first[end - 1] + table.count[end - 1]);
  const std::size_t columns_in = (last_pixel - first_pixel) * channels;
  const std::size_t columns_out = (end - begin) * channels;
  if (scratch.size() < (columns_in + columns_out) * kBlockRows)
    scratch.resize((columns_in + columns_out) * kBlockRows);
  std::uint8_t* const turned_in = scratch.data();
  std::uint8_t* const turned_out = turned_in + columns_in * kBlockRows;

  for (std::size_t y = 0; y < row_count; y += kBlockRows) {
    const std::size_t rows = std::min(kBlockRows, row_count - y);
    transpose(in.data + y * in.stride + first_pixel * channels, in.stride, rows, columns_in, turned_in, kBlockRows);
    for (std::size_t x = begin; x < end; ++x) {
      const std::size_t source = (static_cast<std::size_t>(table.first[x]) - first_pixel) * channels;
      for (std::size_t c = 0; c < channels; ++c)
        weighted_rows(turned_in + (source + c) * kBlockRows, channels * kBlockRows,
                      table.weights.data() + x * table.stride, static_cast<std::size_t>(table.count[x]),
                      turned_out + ((x - begin) * channels + c) * kBlockRows, rows);
    }
    transpose(turned_out, kBlockRows, columns_out, rows, out.data + y * out.stride, out.stride);
  }
}

void filter_along_columns_here(RowsIn in, std::size_t first_row, std::size_t width_bytes, const FilterTable& table,
                               RowsOut out) {
  for (std::size_t y = 0; y < table.first.size(); ++y)
    weighted_rows(in.data + (static_cast<std::size_t>(table.first[y]) - first_row) * in.stride, in.stride,
                  table.weights.data() + y * table.stride, static_cast<std::size_t>(table.count[y]),
                  out.data + y * out.stride, width_bytes);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace etalon
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace etalon {

HWY_EXPORT(filter_along_rows_here);
HWY_EXPORT(filter_along_columns_here);

void filter_along_rows(RowsIn in, std::size_t row_count, std::size_t channels, const FilterTable& table,
                       std::size_t begin, std::size_t end, RowsOut out, std::vector<std::uint8_t>& scratch) {
  HWY_DYNAMIC_DISPATCH(filter_along_rows_here)(in, row_count, channels, table, begin, end, out, scratch);
}

void filter_along_columns(RowsIn in, std::size_t first_row, std::size_t width_bytes, const FilterTable& table,
                          RowsOut out) {
  HWY_DYNAMIC_DISPATCH(filter_along_columns_here)(in, first_row, width_bytes, table, out);
}

}  // namespace etalon
#endif  // HWY_ONCE
