// A Keras model saved to HDF5 (`model.save`, Keras 2.2.4 and newer writers), as plain values.
//
//   KerasModel model = read_keras_hdf5("resnet18.hdf5");
//   model.layers[1].weights[0].shape   // {7, 7, 3, 64}: a convolution's kernel is (height, width, in, out)
//
// Layout of the file: docs/formats/keras_hdf5.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "etalon/base/bytes.hpp"

namespace etalon {

// One weight, widened or narrowed to float32, row-major in Keras' own axis order.
struct KerasWeight {
  std::string name;                 // "conv1/kernel:0", as in the file
  std::vector<std::int64_t> shape;  // empty for a scalar
  std::vector<float> values;
};

// Output `tensor_index` of call `node_index` of layer `layer`. Nodes count the calls of a layer inside the graph that
// is being read; in an outer graph the calls of a nested model start at 1.
struct KerasTensorRef {
  std::string layer;
  int node_index = 0;
  int tensor_index = 0;
  bool operator==(const KerasTensorRef&) const = default;
};

struct KerasCall {
  std::vector<KerasTensorRef> inputs;
};

struct KerasGraph;

struct KerasLayer {
  std::string name;
  std::string class_name;     // "Conv2D"
  nlohmann::json config;      // as saved; `graph` is taken out of it for nested models
  std::vector<KerasCall> calls;  // empty for InputLayer; several when the layer is shared
  std::vector<KerasWeight> weights;  // in Keras' order; empty for nested models (their layers hold them)
  std::shared_ptr<KerasGraph> graph;  // set for class Model / Functional / Sequential used as a layer
};

struct KerasGraph {
  std::string name;
  std::vector<KerasLayer> layers;  // in file order
  std::vector<KerasTensorRef> inputs;
  std::vector<KerasTensorRef> outputs;
};

struct KerasModel : KerasGraph {
  std::string keras_version;
  std::string backend;
  std::uint64_t parameter_count = 0;  // all weights of the file, moving statistics included, as Keras counts them
};

// Both read everything and check it: the DAG's references exist, weights belong to layers and are finite.
// Errors (kBadInput, naming the file part): not HDF5, truncated, no `model_config`, a weights-only file, JSON that is
// no model, a layer's weights missing or superfluous, NaN or Inf in a weight (layer, weight, index named). A filter
// that this HDF5 lacks is kUnsupported. The caller adds the file's name. The file is opened in a forked child, because
// the HDF5 library crashes on damaged files; safe to call from several threads.
KerasModel read_keras_hdf5(const std::filesystem::path& path);
KerasModel read_keras_hdf5(ByteView bytes);  // for a model that was decrypted in memory

// Whether the bytes start like an HDF5 file.
bool looks_like_hdf5(ByteView head);

}  // namespace etalon
