#include "etalon/report/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/images/drawing.hpp"

namespace etalon {
namespace {

constexpr int kGlyphHeightDots = 7;
constexpr std::size_t kLongestLabel = 24;  // characters
constexpr Colour kBarColour{32, 36, 44}, kBarText{255, 255, 255};

// Text and lines grow with the photo: 1 pixel a dot up to 500 pixels of width.
int dot_for(const Image& photo) { return std::clamp(photo.width / 500 + 1, 1, 16); }

int bar_height(int dot) { return (kGlyphHeightDots + 8) * dot; }

std::string label_of(std::size_t class_index, std::span<const std::string> labels) {
  if (class_index < labels.size()) return escaped(labels[class_index], kLongestLabel);
  return fmt::format("class {}", class_index);
}

// Black on light colours, white on dark ones; the weights are those of ITU-R BT.601's luma.
Colour text_colour_on(const Colour& background) {
  const int luma = (299 * background[0] + 587 * background[1] + 114 * background[2]) / 1000;
  return luma > 110 ? Colour{0, 0, 0} : Colour{255, 255, 255};
}

// A network's number as a pixel of the photo.
int to_pixel(double position, int photo_size, int input_size) {
  constexpr double kFarOutside = 1e6;
  const double pixel = position * photo_size / input_size;
  if (std::isnan(pixel)) return 0;
  return static_cast<int>(std::lround(std::clamp(pixel, -kFarOutside, kFarOutside)));
}

// A label in a filled box of its class's colour, its lower left corner at the box's upper left one where
// there is room.
void draw_tag(Image& image, int left, int box_top, std::string_view text, int dot, const Colour& colour) {
  const int width = text_width(text, dot) + 4 * dot, height = (kGlyphHeightDots + 2) * dot;
  const int top = box_top >= height ? box_top - height : box_top;
  const int shifted = std::max(0, std::min(left, image.width - width));
  draw_filled(image, shifted, top, shifted + width, top + height, colour);
  draw_text(image, shifted + 2 * dot, top + dot, text, dot, text_colour_on(colour));
}

void draw_detections(Image& image, int input_width, int input_height, std::span<const Detection> detections,
                     std::span<const std::string> labels) {
  const int line_width = dot_for(image), dot = std::max(1, dot_for(image) / 2);
  // The surest last: it lies on top. Tags come after all boxes, so that no line crosses them.
  std::vector<const Detection*> order;
  for (const auto& detection : detections) order.push_back(&detection);
  std::stable_sort(order.begin(), order.end(),
                   [](const Detection* a, const Detection* b) { return a->confidence < b->confidence; });
  for (const Detection* one : order)
    draw_box(image, to_pixel(one->left, image.width, input_width),
             to_pixel(one->top, image.height, input_height), to_pixel(one->right, image.width, input_width),
             to_pixel(one->bottom, image.height, input_height), line_width, class_colour(one->class_index));
  for (const Detection* one : order)
    draw_tag(image, to_pixel(one->left, image.width, input_width),
             to_pixel(one->top, image.height, input_height),
             fmt::format("{} {:.2f}", label_of(one->class_index, labels), one->confidence), dot,
             class_colour(one->class_index));
}

// Swatch, name and count of every class, right-aligned; names that do not fit beside the title are left out.
void draw_legend(Image& bar, int title_end, std::span<const Detection> detections,
                 std::span<const std::string> labels, int dot) {
  const int swatch = kGlyphHeightDots * dot, gap = 3 * dot, top = (bar.height - swatch) / 2;
  int right = bar.width - 4 * dot;
  for (std::size_t c = labels.size(); c-- > 0;) {
    const auto count = std::count_if(detections.begin(), detections.end(),
                                     [&](const Detection& one) { return one.class_index == c; });
    const std::string text = fmt::format("{} {}", label_of(c, labels), count);
    const int left = right - text_width(text, dot) - gap - swatch;
    if (left < title_end + 4 * gap) return;
    draw_filled(bar, left, top, left + swatch, top + swatch, class_colour(c));
    draw_text(bar, left + swatch + gap, top, text, dot, kBarText);
    right = left - 4 * gap;
  }
}

}  // namespace

Image detection_picture(const Image& photo_rgb, int input_width, int input_height,
                        std::span<const Detection> detections, std::span<const std::string> labels,
                        std::string_view title) {
  if (photo_rgb.mode != PixelMode::kRgb || input_width <= 0 || input_height <= 0)
    throw Error(Kind::kInternal, "a picture of detections needs an RGB photo and the network's input size");
  Image photo = photo_rgb;
  draw_detections(photo, input_width, input_height, detections, labels);

  const int dot = dot_for(photo);
  Image bar;
  bar.width = photo.width;
  bar.height = bar_height(dot);
  bar.pixels.resize(static_cast<std::size_t>(bar.width) * static_cast<std::size_t>(bar.height) * 3);
  draw_filled(bar, 0, 0, bar.width, bar.height, kBarColour);
  const int title_left = 4 * dot;
  const int title_end = title_left + draw_text(bar, title_left, (bar.height - kGlyphHeightDots * dot) / 2,
                                               escaped(title, 80), dot, kBarText);
  draw_legend(bar, title_end, detections, labels, dot);

  bar.height += photo.height;
  bar.pixels.insert(bar.pixels.end(), photo.pixels.begin(), photo.pixels.end());
  return bar;
}

Image comparison_picture(const Image& left, const Image& right) {
  return side_by_side(left, right, 4 * dot_for(left));
}

}  // namespace etalon
