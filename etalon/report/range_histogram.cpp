#include "etalon/report/range_histogram.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "etalon/base/error.hpp"
#include "etalon/calibration/range_searches.hpp"
#include "etalon/report/html_text.hpp"

namespace etalon {
namespace {

constexpr double kHalfSteps = 254;  // of a range: 127 steps of INT8
constexpr std::size_t kRangeColumn = kZeroedColumns + kKeptColumns;

// Units of the drawing, pixels at its natural size.
constexpr int kColumnWidth = 4, kTop = 16, kPlotHeight = 92, kBase = kTop + kPlotHeight, kAxisHeight = 15;
constexpr int kWidth = kColumnWidth * static_cast<int>(std::tuple_size_v<RangeHistogram>);

// Where a value lies, in columns from the left; may be outside.
double column_place(double value, float range) {
  return static_cast<double>(kZeroedColumns) +
         static_cast<double>(kKeptColumns) * std::log(value * kHalfSteps / range) / std::log(kHalfSteps);
}

int height_of(double count, double most) {
  if (count <= 0) return 0;
  return std::max(1, static_cast<int>(std::lround(kPlotHeight * std::log1p(count) / std::log1p(most))));
}

// The columns [begin, end) as one outline of steps; nothing where all are empty.
std::string outline(const RangeHistogram& columns, std::size_t begin, std::size_t end, double most,
                    std::string_view style) {
  std::string path;
  int level = 0, run = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const int height = height_of(columns[i], most);
    if (height != level) {
      if (run > 0) path += fmt::format("h{}", run * kColumnWidth);
      path += fmt::format("v{}", level - height);
      level = height;
      run = 0;
    }
    ++run;
  }
  if (path.empty()) return {};
  path += fmt::format("h{}V{}z", run * kColumnWidth, kBase);
  return fmt::format("<path class=\"{}\" d=\"M{} {}{}\"/>", style, static_cast<int>(begin) * kColumnWidth,
                     kBase, path);
}

// Lines at 1000, a million ... values in a column.
std::string count_grid(double most) {
  std::string grid;
  for (double count = 1000; count < most; count *= 1000) {
    const int y = kBase - height_of(count, most);
    grid += fmt::format("<path class=\"g\" d=\"M0 {}h{}\"/><text class=\"t\" x=\"2\" y=\"{}\">{}</text>", y,
                        kWidth, y - 2, count_text(count));
  }
  return grid;
}

// Powers of ten along the axis.
std::string value_axis(float range) {
  std::string axis;
  const int first = static_cast<int>(std::ceil(std::log10(column_edge(0, range)))),
            last =
                static_cast<int>(std::floor(std::log10(column_edge(kRangeColumn + kClippedColumns, range))));
  constexpr int kMargin = 14;  // room for half a label
  for (int power = first; power <= last; ++power) {
    const double value = std::pow(10.0, power);
    const auto x = static_cast<int>(std::lround(column_place(value, range) * kColumnWidth));
    if (x < kMargin || x > kWidth - kMargin) continue;
    axis += fmt::format(
        "<path class=\"a\" d=\"M{0} {1}v4\"/><text class=\"t m\" x=\"{0}\" y=\"{2}\">{3:g}</text>", x, kBase,
        kBase + 14, value);
  }
  return axis;
}

std::string mark(std::size_t column, std::string_view style, std::string_view text) {
  const int x = static_cast<int>(column) * kColumnWidth;
  return fmt::format(
      "<path class=\"{0}\" d=\"M{1} {2}V{3}\"/><text class=\"t {0}\" x=\"{4}\" y=\"11\">{5}</text>", style, x,
      kTop - 12, kBase, x - 3, text);
}

}  // namespace

double column_edge(std::size_t column, float range) {
  const double columns_below = static_cast<double>(kRangeColumn) - static_cast<double>(column);
  return range * std::pow(kHalfSteps, -columns_below / static_cast<double>(kKeptColumns));
}

RangeHistogram range_histogram(const TensorStatistics& statistics, float range) {
  if (!(range > 0) || !std::isfinite(range))
    throw Error(Kind::kInternal, fmt::format("a range of {} cannot be drawn", range));
  RangeHistogram columns{};
  const auto clamped = [&](double place) {
    return static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(columns.size()) - 0.5));
  };
  for (const auto& [low, high, count] : filled_buckets(statistics)) {
    // The range itself is told apart, so a value there counts below the edge.
    std::size_t column = clamped(column_place(low, range));
    if (low > range) column = std::max(column, kRangeColumn);
    if (low == high && low <= range) column = std::min(column, kRangeColumn - 1);
    double from = low;
    while (column + 1 < columns.size() && column_edge(column + 1, range) < high) {
      const double edge = std::max(from, column_edge(column + 1, range));
      if (high > low) columns[column] += count * (edge - from) / (high - low);
      from = edge;
      ++column;
    }
    columns[column] += high > low ? count * (high - from) / (high - low) : count;
  }
  return columns;
}

std::string range_histogram_svg(const TensorStatistics& statistics, float range) {
  const RangeHistogram columns = range_histogram(statistics, range);
  const double most = *std::max_element(columns.begin(), columns.end());
  std::string svg =
      fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"histogram of |x|, range {:.4g}\">",
                  kWidth, kBase + kAxisHeight + 2, range);
  svg += fmt::format("<rect class=\"zb\" y=\"{0}\" width=\"{1}\" height=\"{2}\"/>", kTop,
                     static_cast<int>(kZeroedColumns) * kColumnWidth, kPlotHeight);
  svg += fmt::format("<rect class=\"bb\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                     static_cast<int>(kRangeColumn) * kColumnWidth, kTop,
                     static_cast<int>(kClippedColumns) * kColumnWidth, kPlotHeight);
  if (most > 0) {
    svg += outline(columns, 0, kZeroedColumns, most, "z");
    svg += outline(columns, kZeroedColumns, kRangeColumn, most, "k");
    svg += outline(columns, kRangeColumn, columns.size(), most, "b");
    svg += count_grid(most);
  } else {
    svg += fmt::format("<text class=\"t m\" x=\"{}\" y=\"{}\">{}</text>", kWidth / 2, kTop + kPlotHeight / 2,
                       statistics.values == 0 ? "no value was seen" : "every value was zero");
  }
  svg += fmt::format("<path class=\"a\" d=\"M0 {}h{}\"/>", kBase, kWidth);
  svg += mark(kZeroedColumns, "h", "&#189; step");
  svg += mark(kRangeColumn, "r", fmt::format("range {:.4g}", range));
  svg += value_axis(range);
  return svg + "</svg>";
}

}  // namespace etalon
