// What the specification of a Mask R-CNN says of the network, as plain numbers.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace etalon {

struct MaskRcnnFacts {
  std::int64_t height = 0, width = 0;  // of the input, pixels; multiples of 2^max_level
  std::int64_t class_count = 0;        // background included
  int layers = 0;                      // ResNet 10, 18, 34, 50, 101
  // mrcnn_resolution, a multiple of 4: the masks' side; crops have 1/4 (boxes) and 1/2 (masks) of it.
  std::int64_t mask_size = 28;
  std::int64_t head_width = 1024;    // fast_rcnn_mlp_head_dim, before pruning
  int min_level = 2, max_level = 6;  // of the feature pyramid: a level's stride is 2^level
  // Anchors: base side = anchor_scale * stride * 2^(octave / scales_per_octave), times each ratio's width and
  // height.
  double anchor_scale = 8;
  int scales_per_octave = 1;  // num_scales
  std::vector<std::array<double, 2>> aspect_ratios{{1.0, 1.0}, {1.4, 0.7}, {0.7, 1.4}};
  std::array<double, 4> box_weights{10, 10, 5, 5};  // bbox_reg_weights: dy, dx, dh, dw
  std::int64_t proposals = 1000;                    // test_rpn_post_nms_topn, an image
  double proposal_iou = 0.7;                        // test_rpn_nms_thresh
  double proposal_min_size = 0;                     // rpn_min_size, pixels of the network's input
  std::int64_t detections = 100;                    // test_detections_per_image
  double detection_iou = 0.5;                       // test_nms
  std::vector<std::string> labels;  // "BG" first, by class; empty: the annotation file is not there
  int anchors_per_cell() const { return scales_per_octave * static_cast<int>(aspect_ratios.size()); }
  int levels() const { return max_level - min_level + 1; }
};

}  // namespace etalon
