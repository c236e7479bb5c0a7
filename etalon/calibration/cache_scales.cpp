#include "etalon/calibration/cache_scales.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <unordered_set>

#include "etalon/calibration/scale_sources.hpp"

namespace etalon {
namespace {

// How TensorRT's parsers call what no name was given to (docs/formats/calibration_cache.md).
bool is_unnamed(std::string_view line) {
  constexpr std::array<std::string_view, 3> kPrefixes{"(Unnamed Layer*", "ONNXTRT_", "Reshape__"};
  return std::ranges::any_of(kPrefixes, [&](std::string_view prefix) { return line.starts_with(prefix); });
}

// What a Keras layer computes on the way, and an exporter folds into a neighbour.
bool is_step_of_a_layer(std::string_view name) {
  constexpr std::array<std::string_view, 14> kSteps{
      "/BiasAdd",          "/Identity",      "/MaxPool",         "/Pad",         "/add",       "/add_1",
      "/batchnorm/add_1",  "/batchnorm/mul", "/batchnorm/mul_1", "/convolution", "/depthwise", "/dropout/mul",
      "/conv2d_transpose", "/cond/Identity"};
  return std::ranges::any_of(kSteps, [&](std::string_view step) { return name.ends_with(step); });
}

// The layers that the graph knows: what stands before the first '/' of any of its names.
std::unordered_set<std::string> layers_of(const GraphProto& graph) {
  std::unordered_set<std::string> layers;
  const auto add = [&](std::string_view name) { layers.emplace(name.substr(0, name.find('/'))); };
  for (const auto& node : graph.node()) {
    add(node.name());
    for (const auto& output : node.output()) add(output);
  }
  for (const auto& tensor : graph.initializer()) {
    add(tensor.name());
    // "conv1_W_new", as NVIDIA's default route calls folded weights.
    if (const auto end = tensor.name().find("_W_new"); end != std::string::npos)
      add(std::string_view(tensor.name()).substr(0, end));
  }
  layers.erase("");
  return layers;
}

}  // namespace

CacheScales cache_scales(const CalibrationCache& cache, const ModelProto& model) {
  CacheScales found;
  std::map<std::string_view, const CacheLine*> exact;
  for (const auto& line : cache.lines) exact[line.tensor] = &line;
  const auto by_tensor = cache.by_tensor();
  const std::vector<std::string> tensors = activation_names(model.graph());

  std::set<std::string_view> used;
  for (const auto& tensor : tensors) {
    const CacheLine* line = nullptr;
    if (const auto same = exact.find(tensor); same != exact.end()) {
      line = same->second;
    } else if (const auto other = by_tensor.find(std::string(without_index(tensor)));
               other != by_tensor.end()) {
      line = other->second;
      found.spelt_otherwise.emplace_back(tensor, line->tensor);
    }
    if (!line) continue;
    used.insert(line->tensor);
    found.scales[tensor] = line->scale;
  }
  const auto sources = scale_sources(model);
  for (const auto& tensor : tensors) {
    if (found.scales.contains(tensor)) continue;
    const auto source = sources.find(tensor);
    const auto scale = source == sources.end() ? found.scales.end() : found.scales.find(source->second);
    if (scale == found.scales.end()) {
      found.missing.push_back(tensor);
      continue;
    }
    found.inherited.emplace_back(tensor, source->second);
    found.scales[tensor] = scale->second;
  }

  const auto layers = layers_of(model.graph());
  for (const auto& line : cache.lines) {
    if (used.contains(line.tensor)) continue;
    const std::string_view name = without_index(line.tensor);
    if (is_unnamed(name))
      found.unnamed.push_back(line.tensor);
    else if (is_step_of_a_layer(name) && layers.contains(std::string(name.substr(0, name.find('/')))))
      found.absorbed.push_back(line.tensor);
    else
      found.foreign.push_back(line.tensor);
  }
  return found;
}

}  // namespace etalon
