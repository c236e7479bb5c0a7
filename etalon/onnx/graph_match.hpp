// Which nodes of two graphs are the same layer, however their exporters named them.
//
//   const GraphMatch match = match_graphs(ours.graph(), theirs.graph());
//   match.pairs[0]                          // {0, 0}: bn_conv1/batchnorm/add_1 and convolution_output26
//   match.tensors.find("activation_1/Relu") // "activation_1/Relu:0"
//
// What is surest comes first, and after each step what follows from it: the only two nodes of one operator
// that read the same tensors, or that make what a pair reads.
//
//   1. tensors of one name, with or without ":0", made by the same operator (names that are mere numbers do
//      not count: every exporter has a 123)
//   2. layers with weights: the layer's name, which is in the node's or in the weight's (`conv1_W_new`,
//      `conv1/kernel/folded`)
//   3. layers with weights: nearly equal weights, if only one has them
//   4. tensors of one name made by another operator
//   5. what is left of the layers with weights of one operator and shape, in order, if they are as many
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/onnx/model.hpp"

namespace etalon {

struct NodePair {
  int first, second;  // positions in graph.node()
  bool operator==(const NodePair&) const = default;
};

struct GraphMatch {
  std::vector<NodePair> pairs;               // in the first graph's order
  std::vector<int> only_first, only_second;  // in their graphs' order; nodes that make constants left out
  // Data inputs, and what pairs make: the first's tensor -> the second's.
  std::map<std::string, std::string, std::less<>> tensors;
};

GraphMatch match_graphs(const GraphProto& first, const GraphProto& second);

// Constants by name: initializers and what Constant nodes hold. Must not outlive the graph.
using Constants = std::map<std::string, const TensorProto*, std::less<>>;
Constants constants_of(const GraphProto& graph);

// What people call the layer: by its weight ("conv1/kernel/folded" and "conv1_W_new" are of conv1), else the
// node's name, else that of its tensor.
std::string layer_name(const NodeProto& node, const Constants& constants);

// Without ":0".
std::string_view plain_name(std::string_view tensor);

}  // namespace etalon
