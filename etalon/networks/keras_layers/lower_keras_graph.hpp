// A trained Keras model becomes an ONNX model that computes the same.
//
// Every tensor bears the name that TensorFlow gave it, without `:0`: `<layer>/<operator>`, `conv1/BiasAdd`. A
// layer that is called again has the scope `<layer>_1`, `<layer>_2`, ...; a layer of a nested model
// `<model>/<layer>`. The graph is NCHW with static sizes; only the batch is open. What comes out is raw: run
// `deploy_passes` on it to fold the batch norms.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "etalon/formats/keras_hdf5/keras_model.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

struct LoweringOptions {
  std::optional<std::int64_t> static_batch_size;  // else the batch is the symbolic "N"
};

// What a quantisation-aware model was trained with. The ONNX model is the plain one: QDQ layers are gone,
// Quantized... layers are what they were made of. Its kernels' steps stand in its quantization_annotation
// (onnx/weight_steps.hpp), from where the passes carry them along.
struct LoweredRange {
  std::string
      tensor;  // TensorFlow's name of what fed the QDQ layer, as NVIDIA's caches have it, without ":0"
  std::string carrier;  // the tensor of the raw graph that has its values: another one for a Dropout
  float range;
};
struct LoweredKeras {
  ModelProto model;
  bool quantization_aware = false;
  std::vector<LoweredRange> ranges;  // in the order of the model's layers, each tensor once
};

// Consumes the model's weights as it goes, so that they are in memory once. Inputs and outputs keep the
// model's order. Errors name the layer: kUnsupported (a class, an option, channels_last, an input without
// sizes), kBadInput (weights or shapes that do not fit the configuration).
LoweredKeras lower_keras_graph(KerasModel&& model, const LoweringOptions& options = {});

}  // namespace etalon
