// The variables that a Mask R-CNN needs, by name. A checkpoint that has them all is one; what else is in it
// (optimizer slots, global_step, the loss scale of mixed precision) is passed over.
#pragma once

#include <string>
#include <vector>

#include "etalon/networks/mask_rcnn/facts.hpp"
#include "etalon/networks/mask_rcnn/resnets.hpp"

namespace etalon {

std::vector<std::string> backbone_variables(const ResNet& net);
// Feature pyramid, region proposals, boxes and masks.
std::vector<std::string> neck_and_head_variables(const MaskRcnnFacts& facts);

// The highest level that comes from the backbone; P6 and P7 are made from P5.
inline constexpr int kHighestBackboneLevel = 5;

}  // namespace etalon
