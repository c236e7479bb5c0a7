// Who makes a tensor, who uses it: looked up instead of searched.
//
// The index is a photograph: it keeps positions and copies of names, so it stays safe to ask while the graph
// is being changed, but it answers for the graph as it was.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "etalon/onnx/model.hpp"

namespace etalon {

class GraphIndex {
 public:
  explicit GraphIndex(const GraphProto& graph);

  // Position in graph.node() of the node that makes the tensor; nullopt for inputs and initializers.
  std::optional<int> producer(std::string_view tensor) const;

  // Positions of the nodes that use the tensor, once for each input slot. A node whose subgraph (If, Loop)
  // uses it counts too.
  std::span<const int> users(std::string_view tensor) const;

  std::optional<int> initializer(std::string_view tensor) const;
  bool is_graph_input(std::string_view tensor) const;
  bool is_graph_output(std::string_view tensor) const;
  bool knows(std::string_view tensor) const { return find(tensor) != nullptr; }

  // As the graph declares it: inputs, value_info, outputs, initializers.
  const std::optional<Shape>& shape(std::string_view tensor) const;

 private:
  struct Tensor {
    std::optional<int> producer, initializer;
    std::vector<int> users;
    bool graph_input = false, graph_output = false;
    std::optional<Shape> shape;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  const Tensor* find(std::string_view tensor) const;
  void add_uses(const GraphProto& graph, std::optional<int> outer_node);

  std::unordered_map<std::string, Tensor, Hash, std::equal_to<>> tensors_;
};

// The attribute, or nullptr.
const AttributeProto* find_attribute(const NodeProto& node, std::string_view name);
std::int64_t int_attribute(const NodeProto& node, std::string_view name, std::int64_t otherwise);
float float_attribute(const NodeProto& node, std::string_view name, float otherwise);
std::string string_attribute(const NodeProto& node, std::string_view name, std::string_view otherwise);
std::vector<std::int64_t> ints_attribute(const NodeProto& node, std::string_view name);  // empty when absent

}  // namespace etalon
