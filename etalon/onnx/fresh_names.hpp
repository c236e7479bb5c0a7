// Names for tensors and nodes that a rewrite adds (ONNX Runtime wants nodes' names unique too): as wished, or
// with "/again" behind it where the graph has that name.
#pragma once

#include <string>
#include <unordered_set>

#include "etalon/onnx/model.hpp"

namespace etalon {

class FreshNames {
 public:
  // Knows the names of all tensors and nodes, those of subgraphs too: a name of the outer graph must not hide
  // one.
  explicit FreshNames(const GraphProto& graph) { add(graph); }

  // A name that neither the graph nor an earlier answer has.
  std::string take(std::string wished) {
    while (!names_.insert(wished).second) wished += "/again";
    return wished;
  }

 private:
  void add(const GraphProto& graph) {
    for (const auto& input : graph.input()) names_.insert(input.name());
    for (const auto& output : graph.output()) names_.insert(output.name());
    for (const auto& tensor : graph.initializer()) names_.insert(tensor.name());
    for (const auto& tensor : graph.sparse_initializer()) names_.insert(tensor.values().name());
    for (const auto& node : graph.node()) {
      names_.insert(node.name());
      names_.insert(node.output().begin(), node.output().end());
      for (const auto& attribute : node.attribute()) {
        if (attribute.has_g()) add(attribute.g());
        for (const auto& subgraph : attribute.graphs()) add(subgraph);
      }
    }
  }

  std::unordered_set<std::string> names_;
};

}  // namespace etalon
