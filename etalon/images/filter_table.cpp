// The weights of Pillow's Lanczos filter.
//
// Output pixel i of `out` looks at the source around (i + 0.5) * in / out, pixel centres being at +0.5. Shrinking by s
// widens the filter by s, so that every source pixel is counted; enlarging leaves it 3 pixels wide to each side. At the
// border the filter is cut, and what is left is normalised to the sum 1. Example, 4 pixels to 2: scale 2, support 6,
// output 0 at 1.0 sees pixels 0 .. 3 with the weights L(-0.25), L(0.25), L(0.75), L(1.25) over their sum.
//
// All in double, in this order of operations, then rounded half away from zero to 22 fraction bits: the weights must be
// the same integers as Pillow's (src/libImaging/Resample.c). The file is compiled without contraction to fused
// multiply-adds, which would round differently.
#include "etalon/images/filter_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace etalon {
namespace {

constexpr double kLobes = 3.0;

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos(double x) {
  return -kLobes <= x && x < kLobes ? sinc(x) * sinc(x / kLobes) : 0.0;
}

std::int32_t fixed_point(double weight) {
  return static_cast<std::int32_t>((weight < 0 ? -0.5 : 0.5) + weight * (1 << kWeightBits));
}

FilterTable compute_table(int in, int out) {
  const double scale = static_cast<double>(in) / out;
  const double filter_scale = std::max(scale, 1.0);
  const double support = kLobes * filter_scale;
  const double shrink = 1.0 / filter_scale;

  FilterTable table;
  table.stride = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  table.weights.resize(static_cast<std::size_t>(out) * table.stride);
  table.first.resize(static_cast<std::size_t>(out));
  table.count.resize(static_cast<std::size_t>(out));
  std::vector<double> row(table.stride);
  for (int i = 0; i < out; ++i) {
    const double centre = (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(centre - support + 0.5), 0);
    const int count = std::min(static_cast<int>(centre + support + 0.5), in) - first;
    double sum = 0.0;
    for (int j = 0; j < count; ++j) {
      const double weight = lanczos((j + first - centre + 0.5) * shrink);
      row[static_cast<std::size_t>(j)] = weight;
      sum += weight;
    }
    const auto place = static_cast<std::size_t>(i);
    for (int j = 0; j < count; ++j) {
      const auto tap = static_cast<std::size_t>(j);
      table.weights[place * table.stride + tap] = fixed_point(sum != 0.0 ? row[tap] / sum : row[tap]);
    }
    table.first[place] = first;
    table.count[place] = count;
  }
  return table;
}

}  // namespace

std::shared_ptr<const FilterTable> lanczos_table(int in, int out) {
  struct Kept {
    int in = 0, out = 0;
    std::shared_ptr<const FilterTable> table;
  };
  thread_local std::array<Kept, 4> kept;  // two axes of two kinds of pictures; newest first
  const auto found = std::ranges::find_if(kept, [&](const Kept& k) { return k.table && k.in == in && k.out == out; });
  if (found != kept.end()) {
    std::rotate(kept.begin(), found, found + 1);
  } else {
    Kept fresh{in, out, std::make_shared<const FilterTable>(compute_table(in, out))};
    std::rotate(kept.begin(), kept.end() - 1, kept.end());
    kept.front() = std::move(fresh);
  }
  return kept.front().table;
}

}  // namespace etalon
