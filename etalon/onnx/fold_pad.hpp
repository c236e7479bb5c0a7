// Zeros that are put around an image before a convolution are the convolution's own padding:
//
//   before   Pad(x, [0,0,t,l, 0,0,b,r]) -> p;  Conv(p, W, pads P) -> y
//   after    Conv(x, W, pads P + (t,l,b,r)) -> y
//
// Keras models have it as ZeroPadding2D before a `valid` convolution. Fires for Conv of two spatial axes with
// explicit pads. Must not fire for a Pad that reflects, has another value than 0, is negative (a crop) or
// touches batch or channels, nor for a Conv with auto_pad. A Pad that others use, or that is an output of the
// graph, stays for them.
#pragma once

#include "etalon/onnx/model.hpp"

namespace etalon {

void fold_pad(ModelProto& model);

}  // namespace etalon
