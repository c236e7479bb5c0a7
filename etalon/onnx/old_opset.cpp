#include "etalon/onnx/old_opset.hpp"

#include <fmt/format.h>

#include <string_view>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

constexpr std::int64_t kOldest = 7;  // broadcasting as it is today

// Operators whose attributes, inputs or meaning changed between 7 and 13, with the last version that did it.
// Source: ONNX's Changelog.md. Those that only gained types or optional inputs are not here.
struct Changed {
  std::string_view op;
  std::int64_t version;
};
constexpr Changed kChanged[] = {
    {"BatchNormalization", 9},  // `spatial` went
    {"Clip", 11},               // its limits became inputs
    {"Dropout", 12},            // `ratio` became an input
    {"LogSoftmax", 13},         // one axis instead of all from it on
    {"OneHot", 11},
    {"Pad", 11},        // pads and value became inputs
    {"ReduceSum", 13},  // axes became an input
    {"Resize", 11},     // coordinates
    {"Scan", 9},
    {"Slice", 10},  // starts and ends became inputs
    {"Softmax", 13},
    {"Split", 13},
    {"Squeeze", 13},
    {"TopK", 10},
    {"Unsqueeze", 13},
    {"Upsample", 10},  // gone
};

std::string blocking_node(const GraphProto& graph, std::int64_t from) {
  for (const auto& node : graph.node()) {
    if (!node.domain().empty() && node.domain() != "ai.onnx") continue;
    for (const auto& attribute : node.attribute())
      if (attribute.has_g() || attribute.graphs_size() > 0)
        return fmt::format("node '{}' has a graph inside", escaped(node.name()));
    for (const auto& [op, version] : kChanged)
      if (node.op_type() == op && version > from)
        return fmt::format("{} '{}' means something else from opset {} on", op, escaped(node.name()),
                           version);
  }
  return {};
}

}  // namespace

std::string raise_old_opset(ModelProto& model) {
  const std::int64_t from = opset_of(model);
  if (from >= kOpset) return {};
  if (from < kOldest) return fmt::format("opset {} is older than {}", from, kOldest);
  if (auto reason = blocking_node(model.graph(), from); !reason.empty()) return reason;
  for (auto& entry : *model.mutable_opset_import())
    if (entry.domain().empty() || entry.domain() == "ai.onnx") entry.set_version(kOpset);
  if (model.ir_version() < kIrVersion) model.set_ir_version(kIrVersion);
  return {};
}

}  // namespace etalon
