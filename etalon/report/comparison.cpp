#include "etalon/report/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/images/drawing.hpp"
#include "etalon/report/annotation.hpp"

namespace etalon {
namespace {

constexpr int kGlyphHeightDots = 7;
constexpr Colour kBarColour{32, 36, 44}, kBarText{255, 255, 255};

int bar_height(int dot) { return (kGlyphHeightDots + 8) * dot; }

std::string label_of(std::size_t class_index, std::span<const std::string> labels) {
  return class_index < labels.size() ? labels[class_index] : fmt::format("class {}", class_index);
}

// The same box in the photo's pixels.
Detection on_photo(Detection box, const Image& photo, int input_width, int input_height) {
  const double x = static_cast<double>(photo.width), y = static_cast<double>(photo.height);
  box.left = box.left * x / input_width;
  box.top = box.top * y / input_height;
  box.right = box.right * x / input_width;
  box.bottom = box.bottom * y / input_height;
  return box;
}

// Swatch, name and count of every class, right-aligned; names that do not fit beside the title are left out.
void draw_legend(Image& bar, int title_end, std::span<const Detection> detections,
                 std::span<const std::string> labels, int dot) {
  const int swatch = kGlyphHeightDots * dot, gap = 3 * dot, top = (bar.height - swatch) / 2;
  int right = bar.width - 4 * dot;
  for (std::size_t c = labels.size(); c-- > 0;) {
    const auto count = std::count_if(detections.begin(), detections.end(),
                                     [&](const Detection& one) { return one.class_index == c; });
    const std::string text = fmt::format("{} {}", shown_label(labels[c]), count);
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
  std::vector<Annotation> annotations;
  for (const auto& one : detections)
    annotations.push_back({.box = on_photo(one, photo, input_width, input_height),
                           .label = label_of(one.class_index, labels),
                           .colour = class_colour(one.class_index)});
  annotate(photo, annotations);

  const int dot = scale_of(photo);
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
  return side_by_side(left, right, 4 * scale_of(left));
}

}  // namespace etalon
