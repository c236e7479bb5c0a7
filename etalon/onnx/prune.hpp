// After a rewrite: takes away what nobody uses any more.
#pragma once

#include "etalon/onnx/model.hpp"

namespace etalon {

// Removes the nodes (positions in graph.node()) marked dead, then every node, initializer and value_info
// entry that no output of the graph needs. Graph inputs stay. The order of what remains is kept.
void prune(GraphProto& graph, const std::vector<bool>& dead_nodes = {});

}  // namespace etalon
