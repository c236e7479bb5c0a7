// A trained Keras model becomes an ONNX model that computes the same.
//
// Every tensor bears the name that TensorFlow gave it, without `:0`: `<layer>/<operator>`, `conv1/BiasAdd`. A
// layer that is called again has the scope `<layer>_1`, `<layer>_2`, ...; a layer of a nested model
// `<model>/<layer>`. The graph is NCHW with static sizes; only the batch is open. What comes out is raw: run
// `deploy_passes` on it to fold the batch norms.
#pragma once

#include <optional>

#include "etalon/formats/keras_hdf5/keras_model.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

struct LoweringOptions {
  std::optional<std::int64_t> static_batch_size;  // else the batch is the symbolic "N"
};

// Consumes the model's weights as it goes, so that they are in memory once. Inputs and outputs keep the
// model's order. Errors name the layer: kUnsupported (a class, an option, channels_last, an input without
// sizes), kBadInput (weights or shapes that do not fit the configuration).
ModelProto lower_keras_graph(KerasModel&& model, const LoweringOptions& options = {});

}  // namespace etalon
