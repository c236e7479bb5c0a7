// Which tensors share one scale.
//
// What only moves values keeps their range, and TensorRT gives output and input one scale, bit for bit:
// NVIDIA's tables show it for max pooling, reshape, transpose, squeeze and nearest resize
// (docs/calibration.md). So the output's statistics are never needed. A slice has a scale of its own there:
// it leaves values out. A concat is the other way round: its direct inputs carry the concat's own.
//
//   conv -> pool -> reshape \                    pool: conv. concat: itself.
//                            concat              reshape, other: concat (the pool keeps conv's)
//   other ------------------/
//
// The tables look as if concats were gone through in network order, each giving its inputs what its own
// values need, over what they had: of two concats the later one decides, and the inputs of a concat within a
// concat keep the inner one's range while the inner one itself takes the outer's.
//
// An input of the network stays its own source even where a concat reads it: its range is known before all
// images.
#include "etalon/calibration/scale_sources.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace etalon {
namespace {

constexpr std::array<std::string_view, 12> kMoveValues{
    "DepthToSpace", "Dropout",      "Flatten", "Identity",  "MaxPool",   "Reshape",
    "Resize",       "SpaceToDepth", "Squeeze", "Transpose", "Unsqueeze", "Upsample"};

bool only_moves_values(const NodeProto& node) {
  if (!node.domain().empty() || node.input_size() == 0 ||
      std::ranges::find(kMoveValues, node.op_type()) == kMoveValues.end())
    return false;
  if (node.op_type() != "Resize" && node.op_type() != "Upsample") return true;
  for (const AttributeProto& attribute : node.attribute())
    if (attribute.name() == "mode") return attribute.s() == "nearest";
  return true;  // nearest is the default
}

}  // namespace

std::map<std::string, std::string> scale_sources(const ModelProto& model) {
  const GraphProto& graph = model.graph();
  const std::vector<std::string> activations = activation_names(graph);
  const std::set<std::string_view> known(activations.begin(), activations.end());
  std::set<std::string_view> inputs;
  for (const ValueInfoProto* input : data_inputs(graph)) inputs.insert(input->name());

  std::map<std::string, std::string> next;  // one step towards the tensor that decides; acyclic
  for (const NodeProto& node : graph.node()) {
    if (!only_moves_values(node) || !known.contains(node.input(0))) continue;
    const int values = node.op_type() == "MaxPool" || node.op_type() == "Dropout"
                           ? 1
                           : node.output_size();  // the rest are indices and masks
    for (int i = 0; i < std::min(values, node.output_size()); ++i)
      if (known.contains(node.output(i))) next[node.output(i)] = node.input(0);
  }
  std::map<std::string, std::string> concat_of;
  for (const NodeProto& node : graph.node()) {
    if (node.op_type() != "Concat" || !node.domain().empty() || node.output_size() != 1 ||
        !known.contains(node.output(0)))
      continue;
    for (const std::string& part : node.input())
      if (known.contains(part) && !inputs.contains(part))
        concat_of[part] = node.output(0);  // of several concats the last
  }

  std::map<std::string, std::string> sources;
  for (const std::string& name : activations) {
    const std::string* decides = &name;
    // Bounded: a graph that is not sorted could otherwise lead round in circles.
    for (std::size_t step = 0; step < activations.size(); ++step) {
      if (const auto concat = concat_of.find(*decides); concat != concat_of.end()) {
        decides = &concat->second;
        break;  // the concat's own values, even if it stands in another concat
      }
      const auto found = next.find(*decides);
      if (found == next.end()) break;
      decides = &found->second;
      if (const auto done = sources.find(*decides); done != sources.end()) {
        decides = &done->second;  // the rest of a long chain, in one step
        break;
      }
    }
    sources[name] = *decides;
  }
  return sources;
}

bool is_unranged(std::string_view tensor, const std::vector<std::string>& unranged) {
  return std::ranges::any_of(unranged, [&](const std::string& entry) {
    return entry.ends_with('/') ? tensor.starts_with(entry) : tensor == entry;
  });
}

std::vector<std::string> deciding_tensors(const ModelProto& model, const std::vector<std::string>& unranged) {
  const auto sources = scale_sources(model);
  std::set<std::string_view>
      deciding;  // an inner concat decides for its parts, though another decides for it
  for (const auto& [name, source] : sources)
    if (!is_unranged(name, unranged)) deciding.insert(source);
  std::vector<std::string> in_order;
  for (const std::string& name : activation_names(model.graph()))
    if (deciding.contains(name)) in_order.push_back(name);
  return in_order;
}

}  // namespace etalon
