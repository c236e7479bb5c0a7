// The layers of a graph whose weights can be rounded to 8 bits.
#pragma once

#include <string>
#include <vector>

#include "etalon/onnx/model.hpp"
#include "etalon/quantization/weight_grid.hpp"

namespace etalon {

struct WeightedLayer {
  int node;                   // position in graph.node(); its data input is input(0), its weights input(1)
  const TensorProto* weight;  // an initializer of the graph, float32
  ChannelLayout layout;
};

struct WeightedLayers {
  std::vector<WeightedLayer> constant;  // graph order
  struct Other {
    int node;
    std::string reason;  // "its weights are no constants"
  };
  std::vector<Other> others;  // the same operators with weights of another kind
};

// Every Conv, ConvTranspose, Gemm and MatMul of the outermost graph. The graph must outlive the answer. Error
// (kBadInput): constant weights of a shape that fits no such layer.
WeightedLayers weighted_layers(const GraphProto& graph);

}  // namespace etalon
