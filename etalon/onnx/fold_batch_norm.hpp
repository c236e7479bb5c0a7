// A batch normalisation at inference is one multiplication and one addition a channel, and a convolution
// before it can do both:
//
//   a = scale / sqrt(variance + epsilon)
//   BN(conv(x, W) + b) = a * (conv(x, W) + b - mean) + shift = conv(x, a * W) + (a * (b - mean) + shift)
//
//   before   Conv(x, W, b) -> c;  BatchNormalization(c, ...) -> y
//   after    Conv(x, W', b') -> y
//
// Fires for Conv (grouped and depthwise too), ConvTranspose and Gemm with constant float32 weights. Must not
// fire when the convolution's output has a second user or is an output of the graph: somebody else needs the
// number before the normalisation. Such a batch norm, and one behind anything else, becomes what it is, a Mul
// and an Add, named as TensorFlow names them (`bn/batchnorm/mul_1`, `bn/batchnorm/add_1`).
//
// The merged node bears the batch norm's output name. Arithmetic is in double and rounded once to float32:
// converters that fold in float32 come out ten times further from Keras than graphs that are not folded.
#pragma once

#include "etalon/onnx/model.hpp"

namespace etalon {

// Error (kBadInput): the numbers of channels differ, a variance is negative, a folded weight is not finite.
void fold_batch_norm(ModelProto& model);

}  // namespace etalon
