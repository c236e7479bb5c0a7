// Finds and mends convolutions and pools that an exporter padded otherwise than training did.
//
// TAO trains with a Keras that pads `same` convolutions with k_eff / 2 zeros on all sides and `same` pools
// with (k - 1) / 2. Its exporter's default route (keras2onnx) writes TensorFlow's SAME instead: on even sizes
// a strided 3x3 convolution gets [0,0,1,1] in place of [1,1,1,1], a strided 7x7 one [2,2,3,3] in place of
// [3,3,3,3]. The picture moves by a pixel at each of them: the boxes of a DetectNet_v2 come out some 14
// pixels off. docs/networks/detectnet_v2.md, "Padding".
#pragma once

#include <string>
#include <vector>

#include "etalon/onnx/model.hpp"

namespace etalon {

struct PaddingFault {
  std::string node;      // the node's name
  std::string tensor;    // what it makes
  std::string op;        // "Conv"
  std::string found;     // "pads [0,0,1,1]", "auto_pad SAME_UPPER, which is [0,0,1,1] here"
  std::string expected;  // "pads [1,1,1,1]"
};

// In graph order; empty for a model that is right, and for one that is not by TAO's default route:
// TensorFlow's SAME is right for everybody else. Convolutions with groups are never named: depthwise ones
// were trained with SAME.
std::vector<PaddingFault> find_padding_faults(const ModelProto& model);

// Gives each of them the padding of its training, and returns what was wrong. Shapes that the graph noted for
// inner tensors go, the outputs get the height and width that follow. A repaired model has no fault any more.
std::vector<PaddingFault> repair_padding_faults(ModelProto& model);

}  // namespace etalon
