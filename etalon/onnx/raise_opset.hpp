// A model of an older operator set said in a newer one.
#pragma once

#include "etalon/onnx/model.hpp"

namespace etalon {

// Half-precision scales of QuantizeLinear and DequantizeLinear exist from here on; IR 9 goes with it.
inline constexpr int kHalfScaleOpset = 19;

// Rewrites the nodes whose operators changed between opset 13 and 19, and the header. A model of opset 19 or
// later stays as it is. Plugins and operators of other domains are not touched. Errors (kUnsupported): an
// opset below 13; a node that cannot be said in 19 (outputs of batch normalisation that only training has).
void raise_opset_to_19(ModelProto& model);

}  // namespace etalon
