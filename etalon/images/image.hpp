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
  kBilevel,    // "1": one byte a pixel, 0 or 255
  kGrey,       // "L"
  kGreyAlpha,  // "LA"
  kPalette,    // "P": one index a pixel, colours in `palette`
  kRgb,
  kRgba,
  kCmyk,
};
int channel_count(PixelMode mode);  // 1, 1, 2, 1, 3, 4, 4

struct Image {
  PixelMode mode = PixelMode::kRgb;
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;  // rows top to bottom, channels interleaved (HWC), no padding
  std::vector<std::array<std::uint8_t, 3>> palette;  // RGB; only for kPalette
};

// Whose reading of a file is wanted: Pillow's, in the file's own mode, or that of TensorFlow 1.15
// (decode_jpeg, decode_png), which makes the channels that are asked for.
enum class Channels {
  kAsStored,  // Pillow
  kGrey = 1,  // TensorFlow, channels=1: a JPEG's own luma; colours of a PNG weighted by libpng
  kRgb = 3,   // TensorFlow, channels=3: alpha dropped, palettes looked up, grey replicated, inks to light
};
// A JPEG's inverse cosine transform: libjpeg's accurate integer one, or its fast one, TensorFlow's default.
enum class JpegTransform { kAccurate, kFast };
struct Decoding {
  Channels channels = Channels::kAsStored;
  JpegTransform jpeg_transform = JpegTransform::kAccurate;
};

// JPEG (smooth chroma upsampling) or PNG, known by content, not by name. No EXIF rotation. At most 2^28
// pixels and 2^16 - 1 a side are accepted. 16-bit PNGs are read as v / 257, rounded, or as TensorFlow does as
// v / 256, cut off. Errors (kBadInput): neither JPEG nor PNG, cut off, corrupt, too large; for
// Channels::kGrey a JPEG of four inks. The caller adds the file's name.
Image decode_image(ByteView bytes, const Decoding& how = {});

// 8-bit RGB, RGBA or grey PNG; the same bytes for the same picture.
std::string encode_png(const Image& image);

}  // namespace etalon
