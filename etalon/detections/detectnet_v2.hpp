// From DetectNet_v2's two outputs to boxes.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace etalon {

// How one class's boxes are found.
// Corner = cell +- scale * value with cell = offset + index * (input size / grid size).
struct DetectnetV2Decoding {
  double box_scale = 35.0, box_offset = 0.5;
  int input_width = 0, input_height = 0;
  struct PerClass {
    double coverage_threshold = 0.2;        // a cell counts when its coverage is larger
    double nms_iou_threshold = 0.5;         // a box goes when it overlaps a better one by more
    double nms_confidence_threshold = 0.0;  // a box is kept when its confidence is larger
    double minimum_height = 0.0;            // input pixels; a box is kept when it is higher
  };
  std::vector<PerClass> classes;
};

struct Detection {
  std::size_t class_index = 0;
  double left = 0, top = 0, right = 0, bottom = 0;  // input pixels, clipped to the picture
  double confidence = 0;                            // the cell's coverage
};

// `coverage` is classes x grid_height x grid_width, `boxes` 4*classes x grid_height x grid_width (class*4 +
// left, top, right, bottom). Greedy NMS by class; order: class, then descending confidence, equal ones in
// row-major cell order. Errors (kBadInput): the sizes do not fit each other, a number is NaN or infinite.
std::vector<Detection> decode_detectnet_v2(std::span<const float> coverage, std::span<const float> boxes,
                                           int grid_width, int grid_height, const DetectnetV2Decoding& how);

}  // namespace etalon
