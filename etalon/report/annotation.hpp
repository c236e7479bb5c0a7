// Objects drawn on the photo that they were found in: masks, boxes, names.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "etalon/detections/detection.hpp"
#include "etalon/detections/mask.hpp"
#include "etalon/images/drawing.hpp"
#include "etalon/images/image.hpp"

namespace etalon {

struct Annotation {
  Detection box;      // pixels of the photo
  std::string label;  // shown with the confidence; text from outside: what does not print is escaped
  Colour colour{};
  const PictureMask* mask = nullptr;  // must outlive the drawing; may be missing
};

// `photo` is kRgb. The surest lie on top; masks are below all boxes, boxes below all names. Without
// `line_width` (pixels) it is scale_of(photo).
void annotate(Image& photo, std::span<const Annotation> annotations, std::optional<int> line_width = {});

// How many pixels wide lines and the dots of titles are: they grow with the photo, 1 up to 500 pixels of
// width.
int scale_of(const Image& photo);

// The label as it is shown: escaped, and not too long.
std::string shown_label(const std::string& label);

}  // namespace etalon
