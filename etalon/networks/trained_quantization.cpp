#include "etalon/networks/trained_quantization.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>

#include "etalon/onnx/weight_steps.hpp"

namespace etalon {
namespace {

// GraphBuilder's Pad is one of zeros.
constexpr std::array<std::string_view, 5> kKeepValues{"Flatten", "Identity", "Pad", "Reshape", "Unsqueeze"};

}  // namespace

SameValues::SameValues(const GraphProto& graph) {
  for (const auto& node : graph.node())
    if (std::ranges::find(kKeepValues, node.op_type()) != kKeepValues.end())
      source_.emplace(node.output(0), node.input(0));
}

std::string SameValues::source_of(const std::string& tensor) const {
  const auto found = source_.find(tensor);
  return found == source_.end() ? std::string() : found->second;
}

TrainedQuantization take_trained_quantization(const std::vector<LoweredRange>& ranges,
                                              const SameValues& same_values, ModelProto& model) {
  TrainedQuantization trained;
  trained.weight_steps = take_weight_steps(model);
  const auto names = activation_names(model.graph());
  const std::unordered_set<std::string> there(names.begin(), names.end());
  for (const auto& range : ranges) {
    std::string place = range.carrier;
    while (!place.empty() && !there.contains(place)) place = same_values.source_of(place);
    trained.ranges.push_back({range.tensor, range.range, std::move(place)});
  }
  return trained;
}

std::map<std::string, std::vector<float>> placed_ranges(const TrainedQuantization& trained) {
  std::map<std::string, std::vector<float>> placed;
  for (const auto& range : trained.ranges)
    if (!range.placed_on.empty()) placed[range.placed_on].push_back(range.range);
  return placed;
}

}  // namespace etalon
