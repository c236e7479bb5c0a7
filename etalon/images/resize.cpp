// Pillow's Image.resize(size, LANCZOS), for the modes that JPEG and PNG files have.
//
//   "1", "P"      the nearest source pixel: indices cannot be mixed, and Pillow does so whatever filter is asked for
//   "LA", "RGBA"  colours times alpha, filtered like any other channels, divided by the filtered alpha again
//   others        every channel by itself
//
// Filtering is separable: the columns of each row first, then the rows, with 8-bit pixels in between; that rounding in
// the middle is part of the result. An axis that keeps its length is not filtered. Weights: filter_table.cpp; sums:
// resample_kernels.cpp. Which rows and columns are computed when does not matter to the result, so the work goes in
// stripes of output columns: what lies between the passes stays in the processor's cache, and a 1 x 65535 picture made
// 65535 x 1 does not need the 65535 x 65535 bytes in between.
#include "etalon/images/resize.hpp"

#include <algorithm>
#include <vector>

#include "etalon/images/filter_table.hpp"
#include "etalon/images/image_checks.hpp"
#include "etalon/images/over_255.hpp"
#include "etalon/images/resample_kernels.hpp"

namespace etalon {
namespace {

// Pillow's source positions: a running sum in double, whose rounding decides at exact halves. A position that rounding
// carried past the end (none is known) would stay 0 there, and does here: -1.
std::vector<int> nearest_positions(int in, int out) {
  const double step = static_cast<double>(in) / out;
  std::vector<int> positions(static_cast<std::size_t>(out));
  double at = step * 0.5;
  for (int& position : positions) {
    position = static_cast<int>(at) < in ? static_cast<int>(at) : -1;
    at += step;
  }
  return positions;
}

void resize_nearest(const Image& in, Image& out) {
  const auto columns = nearest_positions(in.width, out.width);
  const auto rows = nearest_positions(in.height, out.height);
  std::uint8_t* place = out.pixels.data();
  for (const int row : rows) {
    const std::uint8_t* source = in.pixels.data() + static_cast<std::size_t>(std::max(row, 0)) * row_size_bytes(in);
    for (const int column : columns) *place++ = row < 0 || column < 0 ? 0 : source[column];
  }
}

// Memory that is used again for the next picture: fresh pages would cost a third of the time of a resize. What a huge
// picture needed is given back.
struct Workspace {
  std::vector<std::uint8_t> turned, between;

  std::uint8_t* between_of(std::size_t size_bytes) {
    if (between.size() < size_bytes) between.resize(size_bytes);
    return between.data();
  }
  void give_back_if_large() {
    constexpr std::size_t kKeptBytes = 4 << 20;
    if (turned.size() + between.size() > kKeptBytes) *this = Workspace{};
  }
};

void filter_both_axes(const Image& in, Image& out) {
  const auto channels = static_cast<std::size_t>(channel_count(in.mode));
  const RowsIn source{in.pixels.data(), row_size_bytes(in)};
  const RowsOut target{out.pixels.data(), row_size_bytes(out)};
  if (in.width == out.width)
    return filter_along_columns(source, 0, source.stride, *lanczos_table(in.height, out.height), target);

  const auto across = lanczos_table(in.width, out.width);
  const auto width = static_cast<std::size_t>(out.width);
  thread_local Workspace workspace;
  if (in.height == out.height) {
    filter_along_rows(source, static_cast<std::size_t>(in.height), channels, *across, 0, width, target,
                      workspace.turned);
    return workspace.give_back_if_large();
  }

  const auto down = lanczos_table(in.height, out.height);
  const auto first_row = static_cast<std::size_t>(down->first.front());
  const std::size_t row_count = static_cast<std::size_t>(down->first.back() + down->count.back()) - first_row;
  constexpr std::size_t kStripeBytes = 1 << 19;  // half of a common second-level cache
  constexpr std::size_t kLeastColumns = 64;      // narrower stripes compute too many source columns twice
  const std::size_t stripe = std::clamp(kStripeBytes / (row_count * channels), std::min(kLeastColumns, width), width);
  std::uint8_t* const between = workspace.between_of(row_count * stripe * channels);
  for (std::size_t begin = 0; begin < width; begin += stripe) {
    const std::size_t end = std::min(begin + stripe, width);
    const std::size_t bytes = (end - begin) * channels;
    filter_along_rows({source.data + first_row * source.stride, source.stride}, row_count, channels, *across, begin,
                      end, {between, bytes}, workspace.turned);
    filter_along_columns({between, bytes}, first_row, bytes, *down, {target.data + begin * channels, target.stride});
  }
  workspace.give_back_if_large();
}

void multiply_by_alpha(Image& image) {
  const auto channels = static_cast<std::size_t>(channel_count(image.mode));
  for (std::size_t i = 0; i < image.pixels.size(); i += channels) {
    const unsigned alpha = image.pixels[i + channels - 1];
    for (std::size_t c = 0; c + 1 < channels; ++c) image.pixels[i + c] = times_over_255(image.pixels[i + c], alpha);
  }
}

void divide_by_alpha(Image& image) {
  const auto channels = static_cast<std::size_t>(channel_count(image.mode));
  for (std::size_t i = 0; i < image.pixels.size(); i += channels) {
    const unsigned alpha = image.pixels[i + channels - 1];
    if (alpha == 0 || alpha == 255) continue;
    for (std::size_t c = 0; c + 1 < channels; ++c)
      image.pixels[i + c] = static_cast<std::uint8_t>(std::min(255U * image.pixels[i + c] / alpha, 255U));
  }
}

}  // namespace

Image resize_lanczos(const Image& image, int width, int height) {
  check_image_is_whole(image);
  check_image_size(static_cast<std::uint64_t>(std::max(width, 0)), static_cast<std::uint64_t>(std::max(height, 0)));
  if (image.width == width && image.height == height) return image;

  Image out;
  out.mode = image.mode;
  out.width = width;
  out.height = height;
  out.palette = image.palette;
  out.pixels.resize(row_size_bytes(out) * static_cast<std::size_t>(height));
  switch (image.mode) {
    case PixelMode::kBilevel:
    case PixelMode::kPalette: resize_nearest(image, out); break;
    case PixelMode::kGreyAlpha:
    case PixelMode::kRgba: {
      Image weighted = image;
      multiply_by_alpha(weighted);
      filter_both_axes(weighted, out);
      divide_by_alpha(out);
      break;
    }
    case PixelMode::kGrey:
    case PixelMode::kRgb:
    case PixelMode::kCmyk: filter_both_axes(image, out); break;
  }
  return out;
}

}  // namespace etalon
