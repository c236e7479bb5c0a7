#include "etalon/networks/tensor_names.hpp"

#include <fmt/format.h>

#include <unordered_set>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

constexpr std::string_view kSuffix = ":0";

void rename_activations(ModelProto& model) {
  auto& graph = *model.mutable_graph();
  std::unordered_set<std::string> activations, constants;
  for (const auto& tensor : graph.initializer()) constants.insert(tensor.name());
  for (const auto& input : graph.input()) activations.insert(input.name());
  for (const auto& node : graph.node()) activations.insert(node.output().begin(), node.output().end());
  activations.erase("");
  const auto rename = [&](std::string* name) {
    if (!activations.contains(*name) || constants.contains(*name)) return;
    *name += kSuffix;
    if (activations.contains(*name) || constants.contains(*name))
      throw Error(Kind::kBadInput, fmt::format("two tensors would be called '{}'", escaped(*name)),
                  "export with --tensor_names plain");
  };
  for (auto& value : *graph.mutable_input()) rename(value.mutable_name());
  for (auto& value : *graph.mutable_output()) rename(value.mutable_name());
  for (auto& value : *graph.mutable_value_info()) rename(value.mutable_name());
  for (auto& node : *graph.mutable_node()) {
    for (auto& input : *node.mutable_input()) rename(&input);
    for (auto& output : *node.mutable_output()) rename(&output);
  }
}

}  // namespace

void use_tensorflow_names(Deployable& deployable) {
  rename_activations(deployable.model);
  deployable.input += kSuffix;
  for (auto& output : deployable.outputs) output.tensor += kSuffix;
  if (deployable.trained)
    for (auto& range : deployable.trained->ranges) {
      range.tensor += kSuffix;
      if (!range.placed_on.empty()) range.placed_on += kSuffix;
    }
  for (auto& entry : deployable.unranged)
    if (!entry.ends_with('/')) entry += kSuffix;
}

}  // namespace etalon
