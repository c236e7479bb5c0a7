// An explicitly quantised model as plain floating-point arithmetic: the same numbers, without integer
// kernels, whose sums saturate on some processors.
//
//   Session session(floating_form(read_onnx("model.int8.onnx")), {.threads = 2});
//
// As nodes; what came from one constant only is computed here instead and becomes an initializer:
//
//   before   QuantizeLinear(x, s, z) -> q;  DequantizeLinear(q, s, z) -> y
//   after    Div(x, s) -> q/steps;  Round -> q/rounded;  Add(z) -> q/moved;  Clip(lowest, highest) -> q
//            Sub(q, z) -> y/steps;  Mul(s) -> y             (Add and Sub are left out where z is 0)
#pragma once

#include "etalon/onnx/model.hpp"

namespace etalon {

// Names of tensors stay, and so does the type of the scales: with half-float ones the arithmetic is in half
// floats. Whole numbers become floating-point numbers of the same value. A model without QuantizeLinear and
// DequantizeLinear comes back as it is. Nodes inside subgraphs are not rewritten.
// Errors: kUnsupported (opset below 11; steps of 4 bits or of 8-bit floats, blocks, one scale a channel for
// what is computed, dequantising the network's input), kBadInput (a scale or zero point that is no constant,
// does not fit, or is not finite and positive).
ModelProto floating_form(const ModelProto& model);

}  // namespace etalon
