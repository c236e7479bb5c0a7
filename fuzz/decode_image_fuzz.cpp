// Any bytes as a picture: decoding, as Pillow or as TensorFlow, ends in a picture or in an Error. What was
// decoded can be resized, converted, written as PNG and read back the same. The data loader's numbers lie
// where they should.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>

#include "etalon/base/error.hpp"
#include "etalon/images/image.hpp"
#include "etalon/images/loader_picture.hpp"
#include "etalon/images/preprocess.hpp"
#include "etalon/images/resize.hpp"

namespace {

using namespace etalon;

void demand(bool holds) {
  if (!holds) std::abort();
}

// A few bytes may rightly claim millions of pixels; decoding those finds nothing that small pictures do not.
// The promised size stands in a PNG's header and in every frame header of a JPEG.
bool promises_much(std::span<const std::uint8_t> data) {
  constexpr std::size_t kMostPixels = 1 << 16;
  const auto big_endian = [&](std::size_t at, std::size_t size) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < size && at + i < data.size(); ++i) value = value << 8 | data[at + i];
    return value;
  };
  if (data.size() > 24 && data[0] == 0x89) {
    const std::size_t width = big_endian(16, 4), height = big_endian(20, 4);
    return width != 0 && height > kMostPixels / width;
  }
  for (std::size_t i = 0; i + 9 < data.size(); ++i)
    if (data[i] == 0xff && data[i + 1] >= 0xc0 && data[i + 1] <= 0xcf &&
        big_endian(i + 5, 2) * big_endian(i + 7, 2) > kMostPixels)
      return true;
  return false;
}

template <class Body>
bool works(Body&& body) {
  try {
    body();
    return true;
  } catch (const Error& error) {
    demand(error.kind() == Kind::kBadInput && !error.line().empty());
    return false;
  }
}

std::optional<Image> decoded(std::span<const std::uint8_t> data, const Decoding& how) {
  std::optional<Image> image;
  works([&] { image = decode_image(std::as_bytes(data), how); });
  if (image)
    demand(image->pixels.size() == static_cast<std::size_t>(image->width) *
                                       static_cast<std::size_t>(image->height) *
                                       static_cast<std::size_t>(channel_count(image->mode)));
  return image;
}

void try_tensorflows_reading(std::span<const std::uint8_t> data, const Image& stored) {
  for (const Channels channels : {Channels::kGrey, Channels::kRgb})
    for (const JpegTransform transform : {JpegTransform::kAccurate, JpegTransform::kFast}) {
      const std::optional<Image> image = decoded(data, {channels, transform});
      if (!image) {
        demand(channels == Channels::kGrey);  // four inks; a PNG's colour space, which is read for grey only
        continue;
      }
      demand(image->width == stored.width && image->height == stored.height);
      demand(image->mode == (channels == Channels::kGrey ? PixelMode::kGrey : PixelMode::kRgb));
    }
}

void try_loaders(std::span<const std::uint8_t> data, const Image& stored) {
  LoaderPreprocessing how;
  how.output_width = 9, how.output_height = 6;
  how.canvas_width = stored.width > 9 ? stored.width : 9;
  how.canvas_height = stored.height > 6 ? stored.height : 6;
  for (const LoaderNumerics numerics : {LoaderNumerics::kMultisource, LoaderNumerics::kLegacy})
    for (const int step : {0, 1, 2, 3}) {
      how.numerics = numerics;
      how.auto_resize = step % 2 == 1;
      how.scale_width = how.scale_height = step < 2 ? 0.0F : 0.7F;
      how.crop_left = step, how.crop_right = step == 0 ? 0 : step + 11, how.crop_bottom = step == 0 ? 0 : 5;
      for (const int channels : {1, 3}) {
        how.channels = channels;
        const PictureSize size = loader_size(how);
        std::vector<float> values(static_cast<std::size_t>(size.width * size.height * channels));
        if (works([&] { prepare_loader_picture(std::as_bytes(data), LoaderFile::kPicture, how, values); }))
          for (const float value : values) demand(value >= 0 && value <= 1.000001F);
      }
    }
}

void try_half_floats(std::span<const std::uint8_t> data) {
  LoaderPreprocessing how;
  how.numerics = LoaderNumerics::kLegacy;
  how.output_width = 9, how.output_height = 6;
  std::vector<float> values(3 * 9 * 6);
  const int width = static_cast<int>(data.size() / 6);
  if (works([&] {
        prepare_loader_picture(std::as_bytes(data), LoaderFile::kHalfFloats, how, values, {width, 1});
      }))
    for (const float value : values) demand(value >= 0 && value <= 1);
}

void demand_png_keeps(const Image& image) {
  const std::string png = encode_png(image);
  const Image again = decode_image(as_bytes(png));
  demand(again.mode == image.mode && again.width == image.width && again.height == image.height);
  demand(again.pixels == image.pixels);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  try_half_floats(bytes);
  if (promises_much(bytes)) return 0;
  const std::optional<Image> image = decoded(bytes, {});
  if (!image) return 0;
  try_tensorflows_reading(bytes, *image);
  try_loaders(bytes, *image);
  for (const auto& [width, height] : {std::pair{13, 7}, {1, 1}, {image->width, 20}, {40, image->height}}) {
    const Image small = resize_lanczos(*image, width, height);
    demand(small.width == width && small.height == height && small.mode == image->mode);
    demand_png_keeps(to_rgb(small));
    demand_png_keeps(to_grey(small));
    if (small.mode == PixelMode::kRgba) demand_png_keeps(small);
  }
  std::vector<float> values(3 * 8 * 8);
  const Preprocessing how;
  prepare_calibration_image(*image, 8, 8, how, values);
  for (const float value : values) demand(value >= how.lowest() && value <= how.highest());
  return 0;
}
