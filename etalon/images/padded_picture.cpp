// Built without fused multiply-adds (CMakeLists.txt): TensorFlow's numbers come from products that are
// rounded.
#include "etalon/images/padded_picture.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "etalon/base/error.hpp"
#include "etalon/images/bilinear_axis.hpp"
#include "etalon/images/image_checks.hpp"

namespace etalon {
namespace {

// Normalising comes before resizing, so that it is a matter of 256 levels.
std::array<float, 256> normalised_levels(float mean, float deviation) {
  std::array<float, 256> values;
  for (std::size_t level = 0; level < values.size(); ++level)
    values[level] = (static_cast<float>(level) * (1.0F / 255.0F) - mean) / deviation;
  return values;
}

}  // namespace

PaddedSize padded_size(const PaddedPreprocessing& how) {
  constexpr int kMostStride = 1 << 16;
  if (how.stride < 1 || how.stride > kMostStride)
    throw Error(Kind::kBadInput,
                fmt::format("sides are to be multiples of {}, expected 1 to {}", how.stride, kMostStride));
  const auto check = [](int height, int width) {
    check_image_size(static_cast<std::uint64_t>(std::max(width, 0)),
                     static_cast<std::uint64_t>(std::max(height, 0)));
  };
  check(how.height, how.width);
  const auto round_up = [&](int side) { return (side + how.stride - 1) / how.stride * how.stride; };
  const PaddedSize size{round_up(how.height), round_up(how.width)};
  check(size.height, size.width);
  return size;
}

ScaledPicture scaled_picture(int height, int width, const PaddedPreprocessing& how) {
  const auto h = static_cast<float>(height), w = static_cast<float>(width);
  ScaledPicture scaled;
  scaled.scale = std::min(static_cast<float>(how.height) / h, static_cast<float>(how.width) / w);
  scaled.height = static_cast<int>(scaled.scale * h);
  scaled.width = static_cast<int>(scaled.scale * w);
  if (scaled.height < 1 || scaled.width < 1)
    throw Error(
        Kind::kBadInput,
        fmt::format("the picture of {} x {} pixels has none left on one side when scaled into {} x {}", width,
                    height, how.width, how.height));
  return scaled;
}

void prepare_padded_picture(const Image& image, const PaddedPreprocessing& how, std::span<float> out) {
  const PaddedSize size = padded_size(how);
  check_image_is_whole(image);
  if (image.mode != PixelMode::kRgb || out.size() != 3 * size.area())
    throw Error(Kind::kInternal, fmt::format("{} channels and {} places for {} x {} of RGB",
                                             channel_count(image.mode), out.size(), size.width, size.height));
  const ScaledPicture scaled = scaled_picture(image.height, image.width, how);
  const BilinearAxis x = tf1_bilinear_axis(scaled.width, image.width),
                     y = tf1_bilinear_axis(scaled.height, image.height);
  const std::size_t row_bytes = static_cast<std::size_t>(image.width) * 3;
  const auto width = static_cast<std::size_t>(size.width);
  for (std::size_t c = 0; c < 3; ++c) {
    const auto value = normalised_levels(how.mean[c], how.deviation);
    float* row = out.data() + c * size.area();
    for (std::size_t i = 0; i < y.first.size(); ++i, row += width) {
      const std::uint8_t* top = image.pixels.data() + y.first[i] * row_bytes + c;
      const std::uint8_t* bottom = image.pixels.data() + y.second[i] * row_bytes + c;
      const float bottom_weight = y.second_weight[i];
      for (std::size_t j = 0; j < x.first.size(); ++j) {
        const std::size_t left = std::size_t{x.first[j]} * 3, right = std::size_t{x.second[j]} * 3;
        const float weight = x.second_weight[j];
        const float upper = value[top[left]] + (value[top[right]] - value[top[left]]) * weight;
        const float lower = value[bottom[left]] + (value[bottom[right]] - value[bottom[left]]) * weight;
        row[j] = upper + (lower - upper) * bottom_weight;
      }
      std::fill(row + x.first.size(), row + width, 0.0F);
    }
    std::fill(row, out.data() + (c + 1) * size.area(), 0.0F);
  }
}

}  // namespace etalon
