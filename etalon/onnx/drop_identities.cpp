#include "etalon/onnx/drop_identities.hpp"

#include <unordered_map>

#include "etalon/onnx/graph_index.hpp"
#include "etalon/onnx/prune.hpp"

namespace etalon {
namespace {

bool is_reshape(const NodeProto& node) { return node.op_type() == "Reshape" || node.op_type() == "Flatten"; }

bool is_idle_dropout(const NodeProto& node, const GraphIndex& index) {
  if (node.op_type() != "Dropout") return false;
  if (node.output_size() > 1 && !node.output(1).empty() &&
      (!index.users(node.output(1)).empty() || index.is_graph_output(node.output(1))))
    return false;
  return node.input_size() < 3 || node.input(2).empty();  // a third input may say that it trains
}

// Equal as far as they are known, with at most the batch unknown. The order of elements is kept by every
// reshape, so equal shapes mean equal tensors.
bool same_shape(const std::optional<Shape>& a, const std::optional<Shape>& b) {
  if (!a || !b || a->empty() || a->size() != b->size() || a->front().has_value() != b->front().has_value())
    return false;
  for (std::size_t i = 0; i < a->size(); ++i)
    if ((*a)[i] != (*b)[i] || (i > 0 && !(*a)[i])) return false;
  return true;
}

}  // namespace

void drop_identities(ModelProto& model) {
  auto& graph = *model.mutable_graph();
  const GraphIndex index(graph);
  std::unordered_map<std::string, std::string> same_as;  // dropped tensor -> the one it equals
  const auto source_of = [&](const std::string& tensor) {
    const auto found = same_as.find(tensor);
    return found == same_as.end() ? tensor : found->second;
  };
  std::vector<bool> dead(static_cast<std::size_t>(graph.node_size()), false);
  for (int i = 0; i < graph.node_size(); ++i) {
    auto& node = *graph.mutable_node(i);
    for (auto& input : *node.mutable_input()) input = source_of(input);
    if (!node.domain().empty() || node.input_size() == 0 || node.output_size() == 0) continue;
    const std::string& y = node.output(0);
    if (index.is_graph_output(y)) continue;
    std::string x = node.input(0);
    bool idle = node.op_type() == "Identity" || is_idle_dropout(node, index);
    if (is_reshape(node)) {
      idle = same_shape(index.shape(x), index.shape(y));
      const auto before = index.producer(x);
      if (!idle && before && is_reshape(graph.node(*before)) && graph.node(*before).domain().empty()) {
        x = graph.node(*before).input(0);
        idle = same_shape(index.shape(x), index.shape(y));
      }
    }
    // A subgraph may use the tensor by name; then it stays.
    for (const int user : index.users(y))
      for (const auto& attribute : graph.node(user).attribute())
        if (attribute.has_g() || attribute.graphs_size() > 0) idle = false;
    if (!idle) continue;
    same_as[y] = x;
    dead[static_cast<std::size_t>(i)] = true;
  }
  prune(graph, dead);
}

}  // namespace etalon
