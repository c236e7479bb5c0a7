// `--tensor_names`: how the tensors of an exported model are spelt.
#pragma once

#include "etalon/networks/deployable.hpp"

namespace etalon {

enum class TensorNames {
  kPlain,       // "conv1/BiasAdd", as NVIDIA's calibration caches and DeepStream configurations have it
  kTensorflow,  // "conv1/BiasAdd:0", as TAO 5's published ONNX models have it
};

// Appends ":0" to every activation (graph inputs and the outputs of nodes) in the graph, and to the names that
// stand beside it. Constants and nodes keep their names. Before the metadata are written.
void use_tensorflow_names(Deployable& deployable);

}  // namespace etalon
