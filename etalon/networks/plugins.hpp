// How the stages of a network that are no layers are written: `--plugins`.
#pragma once

namespace etalon {

enum class Plugins {
  kTensorrt,  // as nodes of TensorRT's plugins, which need a fixed batch
  kNone,      // in ONNX's own operators
};

}  // namespace etalon
