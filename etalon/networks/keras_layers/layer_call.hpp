// One call of one Keras layer while a model is being lowered: what the layer functions work on.
//
//   LoweredTensor lower_add(LayerCall& call) { ... return call.result(call.tensor("add"), shape); }
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/formats/keras_hdf5/keras_model.hpp"
#include "etalon/networks/keras_layers/layer_config.hpp"
#include "etalon/onnx/graph_builder.hpp"

namespace etalon {

// A tensor of the ONNX graph. `shape` is without the batch. `non_negative`: proved, whatever the input.
struct LoweredTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  bool non_negative = false;
  // The name in TensorFlow's graph, where the ONNX graph has the values under another; else "".
  std::string tensorflow_name = {};
  const KerasLayer* maker = nullptr;  // set by whoever calls the layer functions

  const std::string& trained_name() const { return tensorflow_name.empty() ? name : tensorflow_name; }
};

// The three dimensions of an image tensor.
struct ImageShape {
  std::int64_t channels = 0, height = 0, width = 0;
};

// A range that training fixed for a tensor, noted by the layer at position `layer` of the file.
struct NotedRange {
  std::size_t layer;
  std::string tensor;   // TensorFlow's name
  std::string carrier;  // the tensor of the ONNX graph that has its values
  float range;
  bool keeps_largest;  // of several for this tensor; else the last one counts
};

struct LayerCall {
  GraphBuilder& graph;
  KerasLayer& layer;
  Dimension batch;  // of the whole model
  // TensorFlow's scope of this call: "conv1", "conv1_1" when called again, "model_1/conv1" in a nested model.
  std::string scope;
  std::string weight_scope;  // of the layer's weights, the same for all of its calls
  std::vector<LoweredTensor> inputs;
  std::vector<NotedRange>& ranges;  // of quantisation-aware models
  std::size_t place = 0;            // of the layer in the file
  bool nested = false;              // inside a model that is a layer

  // "<scope>/<op>"
  std::string tensor(std::string_view op) const { return scope + "/" + std::string(op); }

  // The layer's only input. Error when it has another number of them.
  const LoweredTensor& input() const;
  // The input as an image: Error (kBadInput) when it has another rank.
  ImageShape image() const;

  // Registers a tensor that the graph has now: notes its shape, refuses absurd sizes.
  LoweredTensor result(std::string name, std::vector<std::int64_t> shape, bool non_negative = false);

  // Error (kBadInput) unless the layer has this many weights.
  void expect_weights(std::size_t count) const;
  // The name of the constant for weight `index`; `role` is the end of its name: "kernel". Checks the weight's
  // shape against `expected` (Keras' axis order). The first call puts the constant into the graph with the
  // shape `dims`, its numbers arranged by `arrange` (default: as they lie), and frees the layer's copy.
  using Arrange = std::function<std::string(const std::vector<float>&)>;
  std::string weight(std::size_t index, std::string_view role, const std::vector<std::int64_t>& expected,
                     const std::vector<std::int64_t>& dims, const Arrange& arrange = {});
};

std::string shape_text(const std::vector<std::int64_t>& shape);  // "[3, 7, 7]"

}  // namespace etalon
