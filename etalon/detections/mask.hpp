// Which pixels of a picture an object covers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace etalon {

// Only the rectangle that the object can lie in is held; outside of it nothing is covered.
struct PictureMask {
  int left = 0, top = 0;                // of the rectangle, pixels of the picture
  int width = 0, height = 0;            // of the rectangle, which lies inside the picture
  std::vector<std::uint8_t> covered{};  // height x width, row-major, 0 or 1
};

// The run lengths of COCO's format: down the columns from left to right, the first run (it may be 0 long) of
// pixels that are not covered, as the text that pycocotools calls "counts". Error (kInternal): the rectangle
// does not lie in a picture of this size, or has other than width x height pixels.
std::string coco_counts(const PictureMask& mask, int picture_width, int picture_height);

}  // namespace etalon
