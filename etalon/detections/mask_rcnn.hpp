// From Mask R-CNN's two outputs to boxes and masks on the picture.
//
//   MaskRcnnDecoding how;
//   how.picture_width = 640, how.picture_height = 480;  // the network saw it at half its size
//   how.picture_per_input_x = how.picture_per_input_y = 2;
//   decode_mask_rcnn(rows, logits, {100, 4, 28}, how);
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "etalon/detections/detection.hpp"
#include "etalon/detections/mask.hpp"

namespace etalon {

struct MaskRcnnDecoding {
  int picture_width = 0, picture_height = 0;                  // pixels
  double picture_per_input_x = 1.0, picture_per_input_y = 1;  // picture pixels a pixel of the network's input
  double threshold = 0.6;  // a detection is kept when its score is not less; and above 0 in any case
};

struct MaskRcnnShape {
  std::int64_t detections = 0;  // D, rows
  std::int64_t classes = 0;     // C, background (0) included
  std::int64_t mask_size = 0;   // R
};

struct MaskedDetection {
  Detection box;  // picture pixels
  PictureMask mask;
};

// `rows` is D x 6: y1, x1, y2, x2 (input pixels), class, score; rows of class -1 or 0 and of score 0 are
// padding, and a box that lies beside the picture goes. `logits` is D x C x R x R. In the order of the rows,
// which is that of falling scores. A pixel is covered where the mask, its sigmoids laid over the box and
// interpolated, with nothing around it, is above 0.5. Errors (kBadInput): sizes that do not fit, a class that
// does not exist, a number that is NaN or infinite.
std::vector<MaskedDetection> decode_mask_rcnn(std::span<const float> rows, std::span<const float> logits,
                                              const MaskRcnnShape& shape, const MaskRcnnDecoding& how);

}  // namespace etalon
