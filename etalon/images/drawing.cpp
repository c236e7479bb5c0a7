#include "etalon/images/drawing.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "etalon/base/error.hpp"
#include "etalon/images/font_5x7.hpp"
#include "etalon/images/image_checks.hpp"

namespace etalon {
namespace {

// Coordinates come from networks and may be anywhere: 64 bits, so that sums of them cannot overflow.
using Place = std::int64_t;

void check_rgb(const Image& image) {
  check_image_is_whole(image);
  if (image.mode != PixelMode::kRgb) throw Error(Kind::kInternal, "drawing needs an RGB picture");
}

// Pixels with left <= x < right, top <= y < bottom.
void fill(Image& image, Place left, Place top, Place right, Place bottom, const Colour& colour) {
  left = std::max<Place>(left, 0);
  top = std::max<Place>(top, 0);
  right = std::min<Place>(right, image.width);
  bottom = std::min<Place>(bottom, image.height);
  for (Place y = top; y < bottom; ++y)
    for (Place x = left; x < right; ++x)
      std::copy(colour.begin(), colour.end(),
                image.pixels.begin() + static_cast<std::ptrdiff_t>((y * image.width + x) * 3));
}

constexpr int kAdvance = kGlyphColumns + 1;  // dots from a character to the next

}  // namespace

void draw_filled(Image& image, int left, int top, int right, int bottom, const Colour& colour) {
  check_rgb(image);
  fill(image, left, top, right, bottom, colour);
}

void draw_box(Image& image, int left, int top, int right, int bottom, int line_width, const Colour& colour) {
  check_rgb(image);
  if (line_width < 1 || left >= right || top >= bottom) return;
  const Place l = left, t = top, r = right, b = bottom;
  const Place across = std::min<Place>(line_width, r - l), down = std::min<Place>(line_width, b - t);
  fill(image, l, t, r, t + down, colour);
  fill(image, l, b - down, r, b, colour);
  fill(image, l, t, l + across, b, colour);
  fill(image, r - across, t, r, b, colour);
}

void draw_translucent(Image& image, int left, int top, int width, std::span<const std::uint8_t> covered,
                      const Colour& colour) {
  check_rgb(image);
  if (covered.empty()) return;
  if (width < 1 || covered.size() % static_cast<std::size_t>(width) != 0)
    throw Error(Kind::kInternal, fmt::format("{} covered pixels in rows of {}", covered.size(), width));
  for (std::size_t i = 0; i < covered.size(); ++i) {
    const Place x = left + static_cast<Place>(i % static_cast<std::size_t>(width));
    const Place y = top + static_cast<Place>(i / static_cast<std::size_t>(width));
    if (covered[i] == 0 || x < 0 || y < 0 || x >= image.width || y >= image.height) continue;
    auto* pixel = image.pixels.data() + (y * image.width + x) * 3;
    for (std::size_t c = 0; c < colour.size(); ++c)
      pixel[c] = static_cast<std::uint8_t>((2 * colour[c] + 3 * pixel[c] + 2) / 5);
  }
}

int draw_text(Image& image, int left, int top, std::string_view text, int dot, const Colour& colour) {
  check_rgb(image);
  const int width = text_width(text, dot);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const Place x = left + static_cast<Place>(i) * kAdvance * dot;
    if (x >= image.width) break;
    const Glyph& glyph = glyph_of(text[i]);
    for (int row = 0; row < kGlyphRows; ++row)
      for (int column = 0; column < kGlyphColumns; ++column)
        if ((glyph[static_cast<std::size_t>(row)] >> (kGlyphColumns - 1 - column) & 1) != 0) {
          const Place dot_left = x + Place{column} * dot, dot_top = top + Place{row} * dot;
          fill(image, dot_left, dot_top, dot_left + dot, dot_top + dot, colour);
        }
  }
  return width;
}

int text_width(std::string_view text, int dot) {
  constexpr std::size_t kLongest = 4096;  // far beyond any picture; keeps the product small
  if (dot < 1 || dot > 1024 || text.size() > kLongest)
    throw Error(Kind::kInternal, fmt::format("a text of {} characters in dots of {} pixels", text.size(), dot));
  return text.empty() ? 0 : (static_cast<int>(text.size()) * kAdvance - 1) * dot;
}

// Hues 137 degrees apart (the golden angle: neighbours in the list are far apart on the wheel, and the first 360 all
// differ), full saturation, brightness in three steps so that near hues differ further.
Colour class_colour(std::size_t class_index) {
  const int hue = static_cast<int>(class_index % 360) * 137 % 360;
  const int brightness = 255 - 45 * static_cast<int>(class_index % 3);
  const int part = hue % 60;
  const auto rising = static_cast<std::uint8_t>(brightness * part / 60);
  const auto falling = static_cast<std::uint8_t>(brightness * (60 - part) / 60);
  const auto full = static_cast<std::uint8_t>(brightness);
  switch (hue / 60) {
    case 0: return {full, rising, 0};
    case 1: return {falling, full, 0};
    case 2: return {0, full, rising};
    case 3: return {0, falling, full};
    case 4: return {rising, 0, full};
    default: return {full, 0, falling};
  }
}

Image side_by_side(const Image& left, const Image& right, int gap) {
  check_rgb(left);
  check_rgb(right);
  if (gap < 0) throw Error(Kind::kInternal, fmt::format("a gap of {} pixels between two pictures", gap));
  const std::int64_t width = Place{left.width} + gap + right.width;
  check_image_size(static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(std::max(left.height, right.height)));
  Image out;
  out.mode = PixelMode::kRgb;
  out.width = static_cast<int>(width);
  out.height = std::max(left.height, right.height);
  out.pixels.assign(row_size_bytes(out) * static_cast<std::size_t>(out.height), 255);
  const auto paste = [&](const Image& image, std::size_t column) {
    for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y)
      std::copy_n(image.pixels.data() + y * row_size_bytes(image), row_size_bytes(image),
                  out.pixels.data() + y * row_size_bytes(out) + column * 3);
  };
  paste(left, 0);
  paste(right, static_cast<std::size_t>(left.width) + static_cast<std::size_t>(gap));
  return out;
}

}  // namespace etalon
