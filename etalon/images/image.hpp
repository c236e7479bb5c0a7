// Pictures as TAO's exporter sees them through Pillow: decoded in the file's own mode.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "etalon/base/bytes.hpp"

namespace etalon {

// The pixel formats that Pillow would report for the files we read.
enum class PixelMode {
  kBilevel,   // "1": one byte a pixel, 0 or 255
  kGrey,      // "L"
  kGreyAlpha, // "LA"
  kPalette,   // "P": one index a pixel, colours in `palette`
  kRgb,
  kRgba,
  kCmyk,
};
int channel_count(PixelMode mode);  // 1, 1, 2, 1, 3, 4, 4

struct Image {
  PixelMode mode = PixelMode::kRgb;
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;                   // rows top to bottom, channels interleaved (HWC), no padding
  std::vector<std::array<std::uint8_t, 3>> palette;   // RGB; only for kPalette
};

// JPEG (accurate integer DCT, smooth chroma upsampling: libjpeg-turbo's defaults) or PNG, known by content, not by name.
// 16-bit PNGs are read as v/257, rounded. No EXIF rotation. At most 2^28 pixels and 2^16 - 1 a side are accepted.
// Errors (kBadInput): neither JPEG nor PNG, cut off, corrupt, too large. The caller adds the file's name.
Image decode_image(ByteView bytes);

// 8-bit RGB, RGBA or grey PNG; the same bytes for the same picture.
std::string encode_png(const Image& image);

}  // namespace etalon
