// A network for the tests of this room and its neighbours: small, made in code, with every way that a tensor's values
// can leave a node of the real ones (convolution + ReLU, convolutions + Add + ReLU, ReLU of an input, sigmoid).
#pragma once

#include <string>
#include <vector>

#include "etalon/onnx/model.hpp"

namespace etalon {

inline NodeProto& add_test_node(GraphProto& graph, const std::string& type, const std::vector<std::string>& inputs, const std::string& output) {
  NodeProto& node = *graph.add_node();
  node.set_op_type(type);
  node.set_name(output);
  for (const auto& input : inputs) node.add_input(input);
  node.add_output(output);
  return node;
}

inline void set_test_ints(NodeProto& node, const std::string& name, const std::vector<std::int64_t>& values) {
  AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(AttributeProto::INTS);
  for (const auto value : values) attribute.add_ints(value);
}

inline ValueInfoProto test_value(const std::string& name, const std::vector<std::int64_t>& shape) {
  ValueInfoProto value;
  value.set_name(name);
  auto& type = *value.mutable_type()->mutable_tensor_type();
  type.set_elem_type(TensorProto::FLOAT);
  for (const auto dimension : shape) {
    auto& d = *type.mutable_shape()->add_dim();
    if (dimension < 0) d.set_dim_param("N");
    else d.set_dim_value(dimension);
  }
  return value;
}

inline ModelProto test_model(const std::string& input, const std::vector<std::int64_t>& shape) {
  ModelProto model;
  model.set_ir_version(kIrVersion);
  auto& opset = *model.add_opset_import();
  opset.set_domain("");
  opset.set_version(kOpset);
  model.mutable_graph()->set_name("test");
  *model.mutable_graph()->add_input() = test_value(input, shape);
  return model;
}

inline TensorProto& add_test_weights(GraphProto& graph, const std::string& name, const std::vector<std::int64_t>& shape, std::uint32_t seed) {
  TensorProto& weights = *graph.add_initializer();
  weights.set_name(name);
  weights.set_data_type(TensorProto::FLOAT);
  std::int64_t count = 1;
  for (const auto dimension : shape) {
    weights.add_dims(dimension);
    count *= dimension;
  }
  for (std::int64_t i = 0; i < count; ++i) {  // a linear congruence: the same weights with every library
    seed = seed * 1664525U + 1013904223U;
    weights.add_float_data((static_cast<float>(seed >> 8) / 16777216.0F - 0.5F) * 0.6F);
  }
  return weights;
}

inline void add_test_convolution(GraphProto& graph, const std::string& input, int in, int out, int kernel, const std::string& output) {
  add_test_weights(graph, output + "/w", {out, in, kernel, kernel}, static_cast<std::uint32_t>(output.size() * 977 + out));
  add_test_weights(graph, output + "/b", {out}, static_cast<std::uint32_t>(output.size() * 31 + in));
  NodeProto& node = add_test_node(graph, "Conv", {input, output + "/w", output + "/b"}, output);
  set_test_ints(node, "pads", {kernel / 2, kernel / 2, kernel / 2, kernel / 2});
}

// Input input_1 of [N, 3, 20, 28]; outputs cov/Sigmoid and bbox/BiasAdd.
inline ModelProto small_network() {
  ModelProto model = test_model("input_1", {-1, 3, 20, 28});
  GraphProto& graph = *model.mutable_graph();
  add_test_convolution(graph, "input_1", 3, 16, 3, "conv1/BiasAdd");
  add_test_node(graph, "Relu", {"conv1/BiasAdd"}, "activation_1/Relu");
  add_test_convolution(graph, "activation_1/Relu", 16, 16, 3, "conv2/BiasAdd");
  add_test_convolution(graph, "activation_1/Relu", 16, 16, 1, "shortcut/BiasAdd");
  add_test_node(graph, "Add", {"conv2/BiasAdd", "shortcut/BiasAdd"}, "add_1/add");
  add_test_node(graph, "Relu", {"add_1/add"}, "activation_2/Relu");
  add_test_convolution(graph, "activation_2/Relu", 16, 3, 1, "cov/BiasAdd");
  add_test_node(graph, "Sigmoid", {"cov/BiasAdd"}, "cov/Sigmoid");
  add_test_convolution(graph, "activation_2/Relu", 16, 12, 1, "bbox/BiasAdd");
  *graph.add_output() = test_value("cov/Sigmoid", {-1, 3, 20, 28});
  *graph.add_output() = test_value("bbox/BiasAdd", {-1, 12, 20, 28});
  return model;
}

}  // namespace etalon
