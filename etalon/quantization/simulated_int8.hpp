// What an INT8 engine would compute, in floating point: for measuring, never for deployment.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "etalon/onnx/model.hpp"
#include "etalon/quantization/signal_to_noise.hpp"

namespace etalon {

// A copy of the model in which the data input of every Conv, ConvTranspose, Gemm and MatMul with constant
// float32 weights that has a scale is rounded to that scale's 8-bit grid (-127..127 steps, round half to
// even), and its weights to one grid an output channel (max|w| / 127), biases left alone: as TensorRT runs
// implicit INT8. Written with Div, Round, Clip and Mul, so that no runtime replaces it by integer kernels of
// its own. Scales are real value per step, by tensor name. Errors: kBadInput for a scale or a weight that is
// not finite, kUnsupported for an opset below 11.
ModelProto simulate_int8(const ModelProto& model, const std::map<std::string, float>& scales);

// The layers that simulate_int8 would change if every tensor had a scale, and those that it does change with
// these.
std::size_t count_quantizable_layers(const ModelProto& model);
std::size_t count_quantizable_layers(const ModelProto& model, const std::map<std::string, float>& scales);

}  // namespace etalon
