#include "etalon/onnx/fold_pad.hpp"

#include <array>
#include <cstring>
#include <limits>

#include "etalon/onnx/graph_index.hpp"
#include "etalon/onnx/prune.hpp"

namespace etalon {
namespace {

using Edges = std::array<std::int64_t, 4>;  // top, left, bottom, right

// A sum of pads beyond this is nobody's network; the bound keeps the arithmetic away from overflow.
constexpr std::int64_t kLargestPad = std::int64_t{1} << 30;

bool is_zero_constant(const GraphProto& graph, const GraphIndex& index, const std::string& name) {
  const auto at = index.initializer(name);
  if (!at || index.is_graph_input(name) || graph.initializer(*at).data_type() != TensorProto::FLOAT)
    return false;
  const auto values = float_values(graph.initializer(*at));
  return values.size() == 1 && values[0] == 0.0F;
}

std::optional<std::vector<std::int64_t>> int_values(const GraphProto& graph, const GraphIndex& index,
                                                    const std::string& name) {
  const auto at = index.initializer(name);
  if (!at || index.is_graph_input(name)) return std::nullopt;
  const auto& tensor = graph.initializer(*at);
  if (tensor.data_type() != TensorProto::INT64) return std::nullopt;
  if (!tensor.has_raw_data())
    return std::vector<std::int64_t>(tensor.int64_data().begin(), tensor.int64_data().end());
  std::vector<std::int64_t> values(tensor.raw_data().size() / sizeof(std::int64_t));
  if (!values.empty())
    std::memcpy(values.data(), tensor.raw_data().data(), values.size() * sizeof(std::int64_t));
  return values;
}

// The edges that a node adds, if it is a Pad of zeros around images and no more.
std::optional<Edges> zero_edges(const GraphProto& graph, const GraphIndex& index, const NodeProto& node) {
  if (node.op_type() != "Pad" || !node.domain().empty() || node.input_size() < 2) return std::nullopt;
  if (string_attribute(node, "mode", "constant") != "constant") return std::nullopt;
  if (node.input_size() > 2 && !node.input(2).empty() && !is_zero_constant(graph, index, node.input(2)))
    return std::nullopt;
  if (node.input_size() > 3) return std::nullopt;  // opset 18's axes
  const auto pads = int_values(graph, index, node.input(1));
  if (!pads || pads->size() != 8) return std::nullopt;
  const auto& p = *pads;
  if (p[0] != 0 || p[1] != 0 || p[4] != 0 || p[5] != 0) return std::nullopt;
  const Edges edges{p[2], p[3], p[6], p[7]};
  for (const auto edge : edges)
    if (edge < 0 || edge > kLargestPad) return std::nullopt;
  return edges;
}

bool takes_pads(const NodeProto& node) {
  if (node.op_type() != "Conv" || !node.domain().empty()) return false;
  const auto how = string_attribute(node, "auto_pad", "NOTSET");
  if (how != "NOTSET" && how != "VALID") return false;
  const auto pads = ints_attribute(node, "pads");
  for (const auto pad : pads)
    if (pad < 0 || pad > kLargestPad) return false;
  return (how == "NOTSET" && pads.size() == 4) || pads.empty();
}

void add_pads(NodeProto& node, const Edges& edges) {
  auto pads = ints_attribute(node, "pads");
  pads.resize(4, 0);
  auto* attributes = node.mutable_attribute();
  for (int i = attributes->size(); i-- > 0;)
    if (attributes->Get(i).name() == "pads" || attributes->Get(i).name() == "auto_pad")
      attributes->DeleteSubrange(i, 1);
  auto* attribute = attributes->Add();
  attribute->set_name("pads");
  attribute->set_type(AttributeProto::INTS);
  for (std::size_t i = 0; i < 4; ++i) attribute->add_ints(pads[i] + edges[i]);
}

}  // namespace

void fold_pad(ModelProto& model) {
  auto& graph = *model.mutable_graph();
  if (opset_of(model) < 11) return;  // before 11 the pads are an attribute
  const GraphIndex index(graph);
  for (auto& node : *graph.mutable_node()) {
    if (!takes_pads(node) || node.input_size() == 0) continue;
    const auto producer = index.producer(node.input(0));
    if (!producer) continue;
    const auto edges = zero_edges(graph, index, graph.node(*producer));
    if (!edges) continue;
    add_pads(node, *edges);
    node.set_input(0, graph.node(*producer).input(0));
  }
  prune(graph);
}

}  // namespace etalon
