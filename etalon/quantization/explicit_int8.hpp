// An ONNX model in explicit INT8: what TensorRT 11 takes instead of a calibration cache.
//
//   ExplicitInt8 made = make_explicit_int8(model, {.scales = {{"input_1", 0.0078F}, ...}});
//   made.model            // QuantizeLinear / DequantizeLinear in front of every layer that has a scale
//   made.left             // layers that stay in floating point, with the reason
//
// As nodes, once a tensor x whatever the number of its readers (Q/DQ names: quantized_name,
// dequantized_name):
//
//   before   Conv(x, w, b) -> y
//   after    QuantizeLinear(x, s, 0) -> x/quantized;  DequantizeLinear -> x/dequantized
//            DequantizeLinear(w/int8, w/scale, 0, axis 0) -> w/dequantized
//            Conv(x/dequantized, w/dequantized, b) -> y
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "etalon/onnx/model.hpp"

namespace etalon {

struct ExplicitInt8Request {
  std::map<std::string, float> scales;  // real value per step, by tensor of the graph; > 0, finite, normal
  // By weight initializer: one step an output channel, where training fixed them, in -128 .. 127 of which the
  // weights lie; else max|w| / 127 and -127 .. 127.
  std::map<std::string, std::vector<float>> weight_steps{};
  // kLayerInputs: data inputs of layers with weights, and the skip input of a residual Add (the addend that
  // does not come from a convolution). kTrained: every tensor of `scales`, for all its readers; only layers
  // with `weight_steps` get integer weights.
  enum class Placement { kLayerInputs, kTrained } placement = Placement::kLayerInputs;
};

struct LayerLeftFloat {
  std::string layer;   // the node's output tensor
  std::string reason;  // "no scale for its input 'x'", "its weights are no constants"
};

struct ExplicitInt8 {
  ModelProto model;
  std::vector<std::string> quantized;  // output tensors of the layers in INT8, graph order
  std::vector<LayerLeftFloat> left;
};

// Errors: kBadInput (a scale or weight that is not finite, not positive or denormal; the graph is quantised
// already), kUnsupported (opset below 13).
ExplicitInt8 make_explicit_int8(const ModelProto& model, const ExplicitInt8Request& request);

// The skip inputs of residual Adds that kLayerInputs rounds where every tensor has a scale, in graph order.
std::vector<std::string> residual_skips(const ModelProto& model);

// The errors of make_explicit_int8 that lie in the model alone: it is quantised already, opset below 13.
void check_can_be_quantized(const ModelProto& model);

// Whether the model has QuantizeLinear, DequantizeLinear or FakeQuantize nodes.
bool is_explicitly_quantized(const ModelProto& model);

// The scale of every activation that a QuantizeLinear of the model rounds, in network order: (tensor, scale).
// What `etalon calibrate extract` writes. Errors (kBadInput): a scale that is no constant, not per tensor, or
// a zero point other than 0, with the node named.
std::vector<std::pair<std::string, float>> activation_scales(const ModelProto& model);

}  // namespace etalon
