// What is wrong in a Mask R-CNN specification that parses. TAO has no validator for it: these are the
// conditions of our own export. What only TensorRT's plugins cannot do is not here (networks/mask_rcnn).
#pragma once

#include <vector>

#include "etalon/spec/mask_rcnn_spec.hpp"

namespace etalon {

// Errors: what export needs and cannot use. Warnings and notes: what will surprise. In the order of the text.
// Without an error every value that shapes the network is one that it can be built with.
std::vector<Finding> validate_mask_rcnn_spec(const MaskRcnnSpec& spec);

}  // namespace etalon
