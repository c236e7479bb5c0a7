#include "etalon/onnx/graph_index.hpp"

namespace etalon {

GraphIndex::GraphIndex(const GraphProto& graph) {
  for (const auto& value : graph.value_info()) tensors_[value.name()].shape = shape_of(value);
  for (const auto& value : graph.input()) {
    auto& tensor = tensors_[value.name()];
    tensor.graph_input = true;
    tensor.shape = shape_of(value);
  }
  for (const auto& value : graph.output()) {
    auto& tensor = tensors_[value.name()];
    tensor.graph_output = true;
    if (auto shape = shape_of(value)) tensor.shape = std::move(shape);
  }
  for (int i = 0; i < graph.initializer_size(); ++i) {
    auto& tensor = tensors_[graph.initializer(i).name()];
    tensor.initializer = i;
    tensor.shape = Shape(graph.initializer(i).dims().begin(), graph.initializer(i).dims().end());
  }
  for (int i = 0; i < graph.node_size(); ++i)
    for (const auto& output : graph.node(i).output())
      if (!output.empty()) tensors_[output].producer = i;
  add_uses(graph, std::nullopt);
}

void GraphIndex::add_uses(const GraphProto& graph, std::optional<int> outer_node) {
  for (int i = 0; i < graph.node_size(); ++i) {
    const int user = outer_node.value_or(i);
    for (const auto& input : graph.node(i).input())
      if (!input.empty()) tensors_[input].users.push_back(user);
    for (const auto& attribute : graph.node(i).attribute()) {
      if (attribute.has_g()) add_uses(attribute.g(), user);
      for (const auto& subgraph : attribute.graphs()) add_uses(subgraph, user);
    }
  }
  if (outer_node)
    for (const auto& output : graph.output()) tensors_[output.name()].users.push_back(*outer_node);
}

const GraphIndex::Tensor* GraphIndex::find(std::string_view tensor) const {
  const auto found = tensors_.find(tensor);
  return found == tensors_.end() ? nullptr : &found->second;
}

std::optional<int> GraphIndex::producer(std::string_view tensor) const {
  const auto* found = find(tensor);
  return found ? found->producer : std::nullopt;
}
std::span<const int> GraphIndex::users(std::string_view tensor) const {
  const auto* found = find(tensor);
  return found ? std::span<const int>(found->users) : std::span<const int>();
}
std::optional<int> GraphIndex::initializer(std::string_view tensor) const {
  const auto* found = find(tensor);
  return found ? found->initializer : std::nullopt;
}
bool GraphIndex::is_graph_input(std::string_view tensor) const {
  const auto* found = find(tensor);
  return found && found->graph_input;
}
bool GraphIndex::is_graph_output(std::string_view tensor) const {
  const auto* found = find(tensor);
  return found && found->graph_output;
}
const std::optional<Shape>& GraphIndex::shape(std::string_view tensor) const {
  static const std::optional<Shape> kUnknown;
  const auto* found = find(tensor);
  return found ? found->shape : kUnknown;
}

const AttributeProto* find_attribute(const NodeProto& node, std::string_view name) {
  for (const auto& attribute : node.attribute())
    if (attribute.name() == name) return &attribute;
  return nullptr;
}
std::int64_t int_attribute(const NodeProto& node, std::string_view name, std::int64_t otherwise) {
  const auto* attribute = find_attribute(node, name);
  return attribute ? attribute->i() : otherwise;
}
float float_attribute(const NodeProto& node, std::string_view name, float otherwise) {
  const auto* attribute = find_attribute(node, name);
  return attribute ? attribute->f() : otherwise;
}
std::string string_attribute(const NodeProto& node, std::string_view name, std::string_view otherwise) {
  const auto* attribute = find_attribute(node, name);
  return attribute ? attribute->s() : std::string(otherwise);
}
std::vector<std::int64_t> ints_attribute(const NodeProto& node, std::string_view name) {
  const auto* attribute = find_attribute(node, name);
  return attribute ? std::vector<std::int64_t>(attribute->ints().begin(), attribute->ints().end())
                   : std::vector<std::int64_t>();
}

}  // namespace etalon
