// The layers of quantisation-aware models, as NVIDIA's create_quantized_keras_model puts them in:
//
//   input_1 -> QDQ input_1_qdq -> QuantizedConv2D conv1 -> BatchNormalization -> ReLU(6) -> QDQ ...
//
// In training a QDQ rounds what passes to 255 numbers between -scaling_factor and +scaling_factor, and a
// Quantized... layer its kernel. In the exported model the QDQ is gone and the layer is the plain one; what
// the two rounded with is noted: NotedRange, and the steps of onnx/weight_steps.hpp.
#pragma once

#include <cstdint>
#include <span>

#include "etalon/networks/keras_layers/layer_call.hpp"

namespace etalon {

bool is_qdq(const KerasLayer& layer);
bool is_quantization_aware(const KerasLayer& layer);  // a QDQ or a Quantized... layer

// Weights of the graph that hold ranges: parameters that the exported model has not.
std::uint64_t scaling_factor_count(const KerasGraph& graph);

// What training rounded a kernel to: its largest number becomes 127 or its smallest -128, whatever needs the
// larger step (TensorFlow's quantize_and_dequantize with the range of the data, in its own float arithmetic).
// For zeros only, any grid is right.
WeightGrid trained_kernel_grid(std::span<const float> kernel);

}  // namespace etalon
