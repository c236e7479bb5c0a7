#include "etalon/report/annotation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

constexpr int kGlyphHeightDots = 7;
constexpr std::size_t kLongestLabel = 24;  // characters
constexpr int kWidestLine = 64;            // pixels

// Black on light colours, white on dark ones; the weights are those of ITU-R BT.601's luma.
Colour text_colour_on(const Colour& background) {
  const int luma = (299 * background[0] + 587 * background[1] + 114 * background[2]) / 1000;
  return luma > 110 ? Colour{0, 0, 0} : Colour{255, 255, 255};
}

int to_pixel(double position) {
  constexpr double kFarOutside = 1e6;
  if (std::isnan(position)) return 0;
  return static_cast<int>(std::lround(std::clamp(position, -kFarOutside, kFarOutside)));
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

}  // namespace

int scale_of(const Image& photo) { return std::clamp(photo.width / 500 + 1, 1, 16); }

std::string shown_label(const std::string& label) { return escaped(label, kLongestLabel); }

void annotate(Image& photo, std::span<const Annotation> annotations, std::optional<int> line_width) {
  const int dot = std::max(1, scale_of(photo) / 2);
  const int width = std::clamp(line_width.value_or(scale_of(photo)), 1, kWidestLine);
  std::vector<const Annotation*> order;
  for (const auto& annotation : annotations) order.push_back(&annotation);
  std::stable_sort(order.begin(), order.end(), [](const Annotation* a, const Annotation* b) {
    return a->box.confidence < b->box.confidence;
  });
  for (const Annotation* one : order)
    if (one->mask)
      draw_translucent(photo, one->mask->left, one->mask->top, one->mask->width, one->mask->covered,
                       one->colour);
  for (const Annotation* one : order)
    draw_box(photo, to_pixel(one->box.left), to_pixel(one->box.top), to_pixel(one->box.right),
             to_pixel(one->box.bottom), width, one->colour);
  for (const Annotation* one : order)
    draw_tag(photo, to_pixel(one->box.left), to_pixel(one->box.top),
             fmt::format("{} {:.2f}", shown_label(one->label), one->box.confidence), dot, one->colour);
}

}  // namespace etalon
