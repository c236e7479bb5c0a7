// `--tensor_names`: how the tensors of an exported model are spelt.
#pragma once

#include "etalon/onnx/model.hpp"

namespace etalon {

enum class TensorNames {
  kPlain,       // "conv1/BiasAdd", as NVIDIA's calibration caches and DeepStream configurations have it
  kTensorflow,  // "conv1/BiasAdd:0", as TAO 5's published ONNX models have it
};

// Appends ":0" to every activation: graph inputs and the outputs of nodes. Constants and nodes keep their
// names. Before the last step of an export only: what has looked names up must look again.
void use_tensorflow_names(ModelProto& model);

}  // namespace etalon
