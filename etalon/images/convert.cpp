// Pillow's Image.convert("RGB") and convert("L"), in the versions that TAO runs (older than 9).
#include <algorithm>
#include <array>

#include "etalon/images/image_checks.hpp"
#include "etalon/images/over_255.hpp"
#include "etalon/images/resize.hpp"

namespace etalon {
namespace {

using Rgb = std::array<std::uint8_t, 3>;

// Luma of ITU-R 601-2 in 16 fraction bits, rounded: Pillow's L24.
std::uint8_t luma(unsigned red, unsigned green, unsigned blue) {
  return static_cast<std::uint8_t>((19595U * red + 38470U * green + 7471U * blue + 0x8000U) >> 16);
}

// The same of a palette's colour: Pillow cut off thousandths before its version 9 and rounds as above since.
std::uint8_t palette_luma(const Rgb& colour) {
  return static_cast<std::uint8_t>((299U * colour[0] + 587U * colour[1] + 114U * colour[2]) / 1000);
}

// 255 - key, less each ink's share of it.
Rgb from_cmyk(const std::uint8_t* ink) {
  const unsigned light = 255U - ink[3];
  Rgb out;
  for (std::size_t c = 0; c < 3; ++c)
    out[c] = static_cast<std::uint8_t>(light - times_over_255(ink[c], light));
  return out;
}

Image empty_like(const Image& image, PixelMode mode) {
  Image out;
  out.mode = mode;
  out.width = image.width;
  out.height = image.height;
  out.pixels.resize(row_size_bytes(out) * static_cast<std::size_t>(out.height));
  return out;
}

// Indices beyond the palette are black, as in Pillow.
std::array<Rgb, 256> full_palette(const Image& image) {
  std::array<Rgb, 256> colours{};
  std::copy_n(image.palette.begin(), std::min<std::size_t>(image.palette.size(), 256), colours.begin());
  return colours;
}

template <class PixelToRgb>
void fill_rgb(const Image& image, Image& out, PixelToRgb pixel_to_rgb) {
  const auto channels = static_cast<std::size_t>(channel_count(image.mode));
  const std::uint8_t* in = image.pixels.data();
  for (std::size_t i = 0; i < out.pixels.size(); i += 3, in += channels) {
    const Rgb colour = pixel_to_rgb(in);
    std::copy(colour.begin(), colour.end(), out.pixels.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

template <class PixelToGrey>
void fill_grey(const Image& image, Image& out, PixelToGrey pixel_to_grey) {
  const auto channels = static_cast<std::size_t>(channel_count(image.mode));
  const std::uint8_t* in = image.pixels.data();
  for (auto& grey : out.pixels) {
    grey = pixel_to_grey(in);
    in += channels;
  }
}

}  // namespace

Image to_rgb(const Image& image) {
  check_image_is_whole(image);
  if (image.mode == PixelMode::kRgb) return image;
  Image out = empty_like(image, PixelMode::kRgb);
  switch (image.mode) {
    case PixelMode::kPalette:
      fill_rgb(image, out, [colours = full_palette(image)](const std::uint8_t* p) { return colours[*p]; });
      break;
    case PixelMode::kCmyk:
      fill_rgb(image, out, from_cmyk);
      break;
    case PixelMode::kRgb:
    case PixelMode::kRgba:
      fill_rgb(image, out, [](const std::uint8_t* p) { return Rgb{p[0], p[1], p[2]}; });
      break;
    case PixelMode::kBilevel:
    case PixelMode::kGrey:
    case PixelMode::kGreyAlpha:
      fill_rgb(image, out, [](const std::uint8_t* p) { return Rgb{p[0], p[0], p[0]}; });
      break;
  }
  return out;
}

Image to_grey(const Image& image) {
  check_image_is_whole(image);
  if (image.mode == PixelMode::kGrey) return image;
  Image out = empty_like(image, PixelMode::kGrey);
  switch (image.mode) {
    case PixelMode::kPalette:
      fill_grey(image, out,
                [colours = full_palette(image)](const std::uint8_t* p) { return palette_luma(colours[*p]); });
      break;
    case PixelMode::kCmyk:
      fill_grey(image, out, [](const std::uint8_t* p) {
        const Rgb colour = from_cmyk(p);
        return luma(colour[0], colour[1], colour[2]);
      });
      break;
    case PixelMode::kRgb:
    case PixelMode::kRgba:
      fill_grey(image, out, [](const std::uint8_t* p) { return luma(p[0], p[1], p[2]); });
      break;
    case PixelMode::kBilevel:
    case PixelMode::kGrey:
    case PixelMode::kGreyAlpha:
      fill_grey(image, out, [](const std::uint8_t* p) { return p[0]; });
      break;
  }
  return out;
}

}  // namespace etalon
