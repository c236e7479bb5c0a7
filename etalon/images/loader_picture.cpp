// Every step works on rows of floats of one channel: a row is the picture's, padded to the canvas, with one
// value more at its end that stands for everything outside. Where an output pixel looks and with what weights
// is worked out once an axis, so that the loops over pixels have no branches.
//
// Built without fused multiply-adds (CMakeLists.txt): NVIDIA's numbers come from products that are rounded.
#include "etalon/images/loader_picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/base/half.hpp"
#include "etalon/images/bilinear_axis.hpp"
#include "etalon/images/image.hpp"
#include "etalon/images/image_checks.hpp"

namespace etalon {
namespace {

bool is_multisource(const LoaderPreprocessing& how) { return how.numerics == LoaderNumerics::kMultisource; }

std::size_t area(PictureSize size) {
  return static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height);
}

bool same(PictureSize a, PictureSize b) { return a.width == b.width && a.height == b.height; }

void check_size(PictureSize size) {
  check_image_size(static_cast<std::uint64_t>(std::max(size.width, 0)),
                   static_cast<std::uint64_t>(std::max(size.height, 0)));
}

bool has_crop(const LoaderPreprocessing& how) {
  return how.crop_left != 0 || how.crop_top != 0 || how.crop_right != 0 || how.crop_bottom != 0;
}

bool uses_scale(const LoaderPreprocessing& how) {
  return is_multisource(how) ? how.scale_width != 0 || how.scale_height != 0
                             : how.scale_width > 0 && how.scale_height > 0;
}

void check_scale(const char* name, float scale) {
  if (scale == 0) return;
  if (!(scale >= 0x1p-16F && scale <= 0x1p16F))  // beyond it nothing of any picture is left
    throw Error(Kind::kBadInput,
                fmt::format("{} is {}, expected 0 (none) or a number from 1/65536 to 65536", name, scale));
}

// --- rows of the picture ---

// The picture as the sampling sees it. `fill(channel, y, row)` writes `width` values.
struct Canvas {
  PictureSize size;
  float outside;
  std::function<void(std::size_t channel, std::size_t y, float* row)> fill;
};

// Rows of one channel, of which the two asked for last are kept. Row number `height` lies outside of the
// canvas.
class Rows {
 public:
  Rows(const Canvas& canvas, std::size_t channel) : canvas_(canvas), channel_(channel) {}

  const float* row(std::size_t y) {
    for (auto& kept : kept_)
      if (kept.y == y) return (last_ = &kept)->values.data();
    last_ = last_ == &kept_[0] ? &kept_[1] : &kept_[0];
    last_->y = y;
    const auto width = static_cast<std::size_t>(canvas_.size.width);
    last_->values.assign(width + 1, canvas_.outside);
    if (y < static_cast<std::size_t>(canvas_.size.height)) canvas_.fill(channel_, y, last_->values.data());
    return last_->values.data();
  }

 private:
  struct Kept {
    std::size_t y = static_cast<std::size_t>(-1);
    std::vector<float> values;
  };
  const Canvas& canvas_;
  std::size_t channel_;
  std::array<Kept, 2> kept_;
  Kept* last_ = &kept_[0];
};

std::array<float, 256> values_of_levels(LoaderNumerics numerics) {
  // The source divides by 255; TensorFlow's graph optimiser turns that into products.
  std::array<float, 256> values;
  for (std::size_t level = 0; level < values.size(); ++level) {
    const auto v = static_cast<float>(level);
    values[level] = numerics == LoaderNumerics::kMultisource
                        ? rounded_to_half(v * rounded_to_half(1.0F / 255.0F))
                        : v * (1.0F / 255.0F);
  }
  return values;
}

// `image` on a canvas of at least its size. It must outlive the canvas.
Canvas canvas_of(const Image& image, PictureSize size, float outside, LoaderNumerics numerics) {
  const auto channels = static_cast<std::size_t>(channel_count(image.mode));
  return {size, outside,
          [=, &image, values = values_of_levels(numerics)](std::size_t c, std::size_t y, float* row) {
            const auto width = static_cast<std::size_t>(image.width);
            if (y >= static_cast<std::size_t>(image.height)) {
              std::fill_n(row, size.width, 0.0F);
              return;
            }
            const std::uint8_t* in = image.pixels.data() + y * width * channels + c;
            for (std::size_t x = 0; x < width; ++x) row[x] = values[in[x * channels]];
            std::fill(row + width, row + size.width, 0.0F);
          }};
}

// Planes of floats, CHW. They must outlive the canvas.
Canvas canvas_of(const std::vector<float>& planes, PictureSize size, float outside) {
  return {size, outside, [=, &planes](std::size_t c, std::size_t y, float* row) {
            const auto width = static_cast<std::size_t>(size.width);
            std::copy_n(planes.begin() + static_cast<std::ptrdiff_t>(c * area(size) + y * width), width, row);
          }};
}

// --- where an output pixel looks, along one axis ---

// A row's length as an index: outside.
using Axis = BilinearAxis;

// NVIDIA's sampling: source = i * ratio + offset, for the centres of pixels.
Axis sampled_axis(int out, int in, float ratio, float offset) {
  Axis axis;
  const auto index = [in](float at) {
    return at >= 0 && at < static_cast<float>(in) ? static_cast<std::uint32_t>(at)
                                                  : static_cast<std::uint32_t>(in);
  };
  for (int i = 0; i < out; ++i) {
    const float at = (static_cast<float>(i) + 0.5F) * ratio + offset - 0.5F;
    const float floor = std::floor(at);
    axis.first.push_back(index(floor));
    axis.second.push_back(index(floor + 1.0F));
    axis.second_weight.push_back(at - floor);
    axis.is_copy = axis.is_copy && at == floor;
  }
  return axis;
}

struct Sampling {
  Axis x, y;
};

Sampling multisource_sampling(const LoaderPreprocessing& how, PictureSize canvas, PictureSize out) {
  // Python's arithmetic: in double, then rounded to float32.
  const auto ratio = [&](float scale, int side) {
    if (scale == 0) return 1.0F;
    const double scaled = static_cast<double>(scale) * side;
    return static_cast<float>(side / scaled);
  };
  const float x = ratio(how.scale_width, canvas.width), y = ratio(how.scale_height, canvas.height);
  return {sampled_axis(out.width, canvas.width, x, static_cast<float>(how.crop_left) * x),
          sampled_axis(out.height, canvas.height, y, static_cast<float>(how.crop_top) * y)};
}

// NVIDIA's code says that the crop is in pixels of the original, but multiplies its matrices in the other
// order.
Sampling legacy_sampling(const LoaderPreprocessing& how, PictureSize canvas, PictureSize out) {
  const float x = uses_scale(how) ? 1.0F / how.scale_width : 1.0F;
  const float y = uses_scale(how) ? 1.0F / how.scale_height : 1.0F;
  const bool crops = how.crop_right > how.crop_left && how.crop_bottom > how.crop_top;
  const float left = crops ? static_cast<float>(how.crop_left) : 0.0F;
  const float top = crops ? static_cast<float>(how.crop_top) : 0.0F;
  return {sampled_axis(out.width, canvas.width, x, left * x),
          sampled_axis(out.height, canvas.height, y, top * y)};
}

// --- the loops over pixels ---

void resize_row(const float* top, const float* bottom, const Axis& x, float y_weight, float* out) {
  for (std::size_t i = 0; i < x.first.size(); ++i) {
    const float weight = x.second_weight[i];
    const float upper = top[x.first[i]] + (top[x.second[i]] - top[x.first[i]]) * weight;
    const float lower = bottom[x.first[i]] + (bottom[x.second[i]] - bottom[x.first[i]]) * weight;
    out[i] = rounded_to_half(upper + (lower - upper) * y_weight);
  }
}

void sample_row(const float* top, const float* bottom, const Axis& x, float bottom_weight, float* out) {
  const float top_weight = 1.0F - bottom_weight;
  for (std::size_t i = 0; i < x.first.size(); ++i) {
    const float right_weight = x.second_weight[i], left_weight = 1.0F - right_weight;
    float sum = top[x.first[i]] * left_weight * top_weight;
    sum += top[x.second[i]] * right_weight * top_weight;
    sum += bottom[x.first[i]] * left_weight * bottom_weight;
    sum += bottom[x.second[i]] * right_weight * bottom_weight;
    out[i] = sum;
  }
}

// `out`: CHW, as wide and high as the axes are long.
template <class MakeRow>
void for_each_row(const Canvas& canvas, const Axis& y, std::size_t width, std::span<float> out,
                  MakeRow make_row) {
  const std::size_t height = y.first.size();
  for (std::size_t c = 0; c < out.size() / (width * height); ++c) {
    Rows rows(canvas, c);
    for (std::size_t i = 0; i < height; ++i) {
      const float* top = rows.row(y.first[i]);
      const float* bottom = y.second_weight[i] == 0 ? top : rows.row(y.second[i]);
      make_row(top, bottom, y.second_weight[i], out.data() + (c * height + i) * width);
    }
  }
}

void resize(const Canvas& canvas, PictureSize size, std::span<float> out) {
  const Axis x = tf1_bilinear_axis(size.width, canvas.size.width),
             y = tf1_bilinear_axis(size.height, canvas.size.height);
  for_each_row(canvas, y, x.first.size(), out,
               [&](const float* top, const float* bottom, float weight, float* row) {
                 resize_row(top, bottom, x, weight, row);
               });
}

void sample(const Canvas& canvas, const Sampling& where, std::span<float> out, bool in_halves) {
  const Axis& x = where.x;
  for_each_row(canvas, where.y, x.first.size(), out,
               [&](const float* top, const float* bottom, float weight, float* row) {
                 if (x.is_copy && weight == 0) {
                   for (std::size_t i = 0; i < x.first.size(); ++i) row[i] = top[x.first[i]];
                   return;
                 }
                 sample_row(top, bottom, x, weight, row);
                 if (in_halves) std::transform(row, row + x.first.size(), row, rounded_to_half);
               });
}

// --- the two loaders ---

void prepare_multisource(const Image& image, const LoaderPreprocessing& how, PictureSize size,
                         std::span<float> out) {
  constexpr float kOutside = 0.5F;
  const PictureSize picture{image.width, image.height}, output{how.output_width, how.output_height};
  const PictureSize canvas = how.auto_resize ? output : PictureSize{how.canvas_width, how.canvas_height};
  within([] { return std::string("the sizes of the data set's records"); }, [&] { check_size(canvas); });
  if (!how.auto_resize && (picture.width > canvas.width || picture.height > canvas.height))
    throw Error(
        Kind::kBadInput,
        fmt::format("the picture has {} x {} pixels, but the data set's records state at most {} x {}",
                    picture.width, picture.height, canvas.width, canvas.height),
        "make the records anew, or set enable_auto_resize");

  const bool resizes = how.auto_resize && !same(picture, output);
  if (resizes && !has_crop(how) && !uses_scale(how)) {  // what calibration sets mostly are
    resize(canvas_of(image, picture, kOutside, how.numerics), output, out);
    return;
  }
  const Sampling where = multisource_sampling(how, canvas, size);
  if (resizes) {
    std::vector<float> resized(area(output) * static_cast<std::size_t>(how.channels));
    resize(canvas_of(image, picture, kOutside, how.numerics), output, resized);
    sample(canvas_of(resized, output, kOutside), where, out, true);
  } else {
    sample(canvas_of(image, canvas, kOutside, how.numerics), where, out, true);
  }
}

std::vector<float> read_halves(ByteView file, int channels, PictureSize size) {
  check_size(size);
  const std::size_t count = area(size) * static_cast<std::size_t>(channels);
  if (file.size() != count * 2)
    throw Error(Kind::kBadInput,
                fmt::format("{} bytes of half floats, expected {} for {} x {} x {} (channels, height, width)",
                            file.size(), count * 2, channels, size.height, size.width));
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto low = std::to_integer<unsigned>(file[2 * i]),
               high = std::to_integer<unsigned>(file[2 * i + 1]);
    values[i] = float_from_half(static_cast<std::uint16_t>(high << 8 | low));
    if (!std::isfinite(values[i]))
      throw Error(Kind::kBadInput,
                  fmt::format("half float {} is {}, expected numbers from 0 to 1", i, values[i]));
  }
  return values;
}

}  // namespace

PictureSize loader_size(const LoaderPreprocessing& how) {
  if (how.channels != 1 && how.channels != 3)
    throw Error(Kind::kBadInput, fmt::format("output_image_channel is {}, expected 1 or 3", how.channels));
  const PictureSize output{how.output_width, how.output_height};
  within([] { return std::string("output_image_width, output_image_height"); }, [&] { check_size(output); });
  if (is_multisource(how) || uses_scale(how)) {
    check_scale("scale_width", how.scale_width);
    check_scale("scale_height", how.scale_height);
  }
  if (!is_multisource(how) || !has_crop(how)) return output;

  struct Side {
    const char* name;
    int low, high;
  };
  for (const Side& side : {Side{"crop_left .. crop_right", how.crop_left, how.crop_right},
                           Side{"crop_top .. crop_bottom", how.crop_top, how.crop_bottom}})
    if (side.low < 0 || side.high <= side.low)
      throw Error(Kind::kBadInput, fmt::format("{} is {} .. {}, expected a rising pair of numbers from 0 on",
                                               side.name, side.low, side.high));
  const PictureSize crop{how.crop_right - how.crop_left, how.crop_bottom - how.crop_top};
  within([] { return std::string("the crop"); }, [&] { check_size(crop); });
  return crop;
}

void prepare_loader_picture(ByteView file, LoaderFile kind, const LoaderPreprocessing& how,
                            std::span<float> out, PictureSize recorded) {
  const PictureSize size = loader_size(how);
  if (out.size() != area(size) * static_cast<std::size_t>(how.channels))
    throw Error(Kind::kInternal, fmt::format("{} places for {} channels of {} x {}", out.size(), how.channels,
                                             size.width, size.height));
  if (is_multisource(how)) {
    if (kind == LoaderFile::kHalfFloats)
      throw Error(Kind::kBadInput, "the data loader MULTISOURCE reads no files of half floats (fp16)",
                  "set dataloader_mode to LEGACY or DEFAULT");
    const Decoding decoding{static_cast<Channels>(how.channels), JpegTransform::kAccurate};
    prepare_multisource(decode_image(file, decoding), how, size, out);
  } else if (kind == LoaderFile::kHalfFloats) {
    const std::vector<float> planes = read_halves(file, how.channels, recorded);
    sample(canvas_of(planes, recorded, 0.0F), legacy_sampling(how, recorded, size), out, false);
  } else {
    const Image image = decode_image(file, {static_cast<Channels>(how.channels), JpegTransform::kFast});
    const PictureSize picture{image.width, image.height};
    sample(canvas_of(image, picture, 0.0F, how.numerics), legacy_sampling(how, picture, size), out, false);
  }
  if (how.channels == 3)
    for (float& value : out) value = std::clamp(value, 0.0F, 1.0F);
}

}  // namespace etalon
