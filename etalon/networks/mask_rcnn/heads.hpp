// What Mask R-CNN computes of each region: its class and box, and its masks.
#pragma once

#include <string>

#include "etalon/networks/mask_rcnn/facts.hpp"
#include "etalon/networks/mask_rcnn/layer_writer.hpp"

namespace etalon {

// From crops [N, R, channels, P, P], a quarter of the masks' size, R = facts.proposals:
// deltas "box-predict/BiasAdd" [N, R, 4C, 1, 1] and probabilities "box_head_softmax" [N, R, C, 1, 1].
// Errors (kBadInput): as CheckpointWeights; classes or crop size that are not the spec's.
void write_box_head(LayerWriter& layers, const MaskRcnnFacts& facts, const FeatureMap& crops);
inline constexpr const char* kBoxDeltas = "box-predict/BiasAdd";
inline constexpr const char* kClassProbabilities = "box_head_softmax";

// From crops [N, D, channels, P, P], half of the masks' size, D = facts.detections: logits
// "mask_fcn_logits/BiasAdd" [N, D, C, 2P, 2P] of all classes. Errors (kBadInput) as above.
void write_mask_head(LayerWriter& layers, const MaskRcnnFacts& facts, const FeatureMap& crops);
inline constexpr const char* kMaskLogits = "mask_fcn_logits/BiasAdd";

}  // namespace etalon
