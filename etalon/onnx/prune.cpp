#include "etalon/onnx/prune.hpp"

#include <unordered_set>

#include "etalon/onnx/graph_index.hpp"

namespace etalon {
namespace {

// Keeps the elements for which `keep(position)` holds, in their order, without copying them.
template <class Element, class Keep>
void keep_if(google::protobuf::RepeatedPtrField<Element>& list, Keep&& keep) {
  int kept = 0;
  for (int i = 0; i < list.size(); ++i)
    if (keep(i)) {
      if (i != kept) list.SwapElements(i, kept);
      ++kept;
    }
  list.DeleteSubrange(kept, list.size() - kept);
}

}  // namespace

void prune(GraphProto& graph, const std::vector<bool>& dead_nodes) {
  keep_if(*graph.mutable_node(),
          [&](int i) { return dead_nodes.empty() || !dead_nodes[static_cast<std::size_t>(i)]; });

  const GraphIndex index(graph);
  std::vector<bool> alive(static_cast<std::size_t>(graph.node_size()), false);
  const auto needed = [&](const std::string& tensor) {
    if (index.is_graph_output(tensor)) return true;
    for (const int user : index.users(tensor))
      if (alive[static_cast<std::size_t>(user)]) return true;
    return false;
  };
  for (int i = graph.node_size(); i-- > 0;)  // users come after what they use
    for (const auto& output : graph.node(i).output())
      if (!output.empty() && needed(output)) {
        alive[static_cast<std::size_t>(i)] = true;
        break;
      }

  std::unordered_set<std::string> made;
  for (int i = 0; i < graph.node_size(); ++i)
    if (alive[static_cast<std::size_t>(i)])
      made.insert(graph.node(i).output().begin(), graph.node(i).output().end());
  keep_if(*graph.mutable_value_info(), [&](int i) { return made.contains(graph.value_info(i).name()); });
  // A tensor's annotation lives as long as the tensor, and what it names with it.
  std::unordered_set<std::string> annotating;
  keep_if(*graph.mutable_quantization_annotation(), [&](int i) {
    const auto& annotation = graph.quantization_annotation(i);
    const bool lives = needed(annotation.tensor_name());
    if (lives)
      for (const auto& parameter : annotation.quant_parameter_tensor_names())
        annotating.insert(parameter.value());
    return lives;
  });
  keep_if(*graph.mutable_initializer(), [&](int i) {
    const auto& name = graph.initializer(i).name();
    return index.is_graph_input(name) || needed(name) || annotating.contains(name);
  });
  keep_if(*graph.mutable_node(), [&](int i) { return alive[static_cast<std::size_t>(i)]; });
}

}  // namespace etalon
