#include "etalon/images/image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "etalon/base/error.hpp"
#include "etalon/images/decode_jpeg.hpp"
#include "etalon/images/decode_png.hpp"
#include "etalon/images/image_checks.hpp"

namespace etalon {
namespace {

bool starts_with(ByteView bytes, std::string_view signature) {
  return as_text(bytes).substr(0, signature.size()) == signature;
}

// A picture of another kind deserves its name; people rename files.
std::string_view known_format(ByteView bytes) {
  struct Signature {
    std::string_view start, name;
  };
  constexpr std::array kOthers{
      Signature{"BM", "a BMP"},
      Signature{"GIF8", "a GIF"},
      Signature{"II*", "a TIFF"},
      Signature{"MM", "a TIFF"},
      Signature{"RIFF", "a WebP or other RIFF"},
      Signature{"version https://git-lfs", "a Git LFS pointer"},
  };
  for (const auto& other : kOthers)
    if (starts_with(bytes, other.start)) return other.name;
  return {};
}

}  // namespace

int channel_count(PixelMode mode) {
  switch (mode) {
    case PixelMode::kBilevel:
    case PixelMode::kGrey:
    case PixelMode::kPalette:
      return 1;
    case PixelMode::kGreyAlpha:
      return 2;
    case PixelMode::kRgb:
      return 3;
    case PixelMode::kRgba:
    case PixelMode::kCmyk:
      return 4;
  }
  throw Error(Kind::kInternal, "a picture has an unknown pixel mode");
}

Image decode_image(ByteView bytes, const Decoding& how) {
  if (starts_with(bytes, "\xff\xd8\xff")) return decode_jpeg(bytes, how);
  if (starts_with(bytes, "\x89PNG\r\n\x1a\n")) return decode_png(bytes, how);
  if (bytes.empty()) throw Error(Kind::kBadInput, "the picture file is empty, expected JPEG or PNG");
  const std::string_view other = known_format(bytes);
  std::string found(other);
  if (other.empty()) {
    found = "a file that starts with";
    for (const std::byte b : bytes.first(std::min<std::size_t>(bytes.size(), 8)))
      found += fmt::format(" {:02x}", std::to_integer<unsigned>(b));
  }
  throw Error(Kind::kBadInput, fmt::format("not a JPEG or PNG picture but {}", found),
              other.empty() ? "" : "convert it to PNG");
}

void check_image_size(std::uint64_t width, std::uint64_t height) {
  if (width == 0 || height == 0 || width > kLongestSide || height > kLongestSide)
    throw Error(Kind::kBadInput, fmt::format("a picture of {} x {} pixels, expected 1 to {} a side", width,
                                             height, kLongestSide));
  if (width * height > kMostPixels)
    throw Error(Kind::kBadInput, fmt::format("a picture of {} x {} pixels, expected at most {} pixels", width,
                                             height, kMostPixels));
}

void check_image_is_whole(const Image& image) {
  if (image.width < 1 || image.height < 1 ||
      image.pixels.size() != row_size_bytes(image) * static_cast<std::size_t>(image.height))
    throw Error(Kind::kInternal, fmt::format("a picture of {} x {} pixels holds {} bytes", image.width,
                                             image.height, image.pixels.size()));
}

}  // namespace etalon
