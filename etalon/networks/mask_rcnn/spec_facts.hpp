// From Mask R-CNN's specification to plain numbers, checked.
#pragma once

#include "etalon/networks/mask_rcnn/facts.hpp"
#include "etalon/spec/mask_rcnn_spec.hpp"

namespace etalon {

// All but `labels` (labels.hpp reads those). Error (kBadInput): the first error of validate_mask_rcnn_spec,
// with field, value, what is expected, line and column; the caller adds the file's name.
MaskRcnnFacts facts_of(const MaskRcnnSpec& spec);

// TensorRT's plugins have many of these numbers as constants, and limits beyond which they give wrong results
// or crash. Error (kUnsupported) names the first field that does not fit; the hint is --plugins none.
void check_plugins_can(const MaskRcnnFacts& facts);

// The same as texts, all of them: "maskrcnn_config.anchor_scale is 4, TensorRT's plugins have 8 built in".
std::vector<std::string> plugins_cannot(const MaskRcnnFacts& facts);

}  // namespace etalon
