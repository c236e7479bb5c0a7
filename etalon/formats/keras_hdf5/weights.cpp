// `layer_names` lists the top layers; each has a group of its name, whose `weight_names` lists its datasets in Keras'
// order. Layers are found by name, and a plain layer owns all weights of its group, whatever these are called (TensorFlow
// makes names unique, so group conv1 may hold conv1_1/kernel:0).
//
// A nested model has one group for all layers inside it, at any depth: first the trainable weights of all of them, then
// the others, so a batch norm's moving statistics do not follow its gamma and beta. Which layer owns a weight is said by
// its name up to the first slash only: bn/gamma:0. The order within one layer is right as it stands. Where TensorFlow
// has made the names unique, that part has a number at its end, bn_1/gamma:0; see `owners_of`.
#include "etalon/formats/keras_hdf5/weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/base/name_match.hpp"

namespace etalon {
namespace {

constexpr std::size_t kMostWeights = 200000;

KerasWeight read_weight(const Hdf5Group& group, const std::string& name) {
  FloatArray array = group.floats(name);
  const auto wrong = std::ranges::find_if(array.values, [](float value) { return !std::isfinite(value); });
  if (wrong != array.values.end())
    throw Error(Kind::kBadInput, fmt::format("weight '{}' is {} at index {}", escaped(name), *wrong, wrong - array.values.begin()),
                "the training went wrong or the file is damaged; take an earlier checkpoint");
  return {name, std::move(array.shape), std::move(array.values)};
}

std::vector<KerasWeight> read_group(const Hdf5Group& group, std::size_t& weights_read) {
  const auto names = group.text_list("weight_names");
  if (!names) throw Error(Kind::kBadInput, "the layer's group has no attribute 'weight_names'");
  weights_read += names->size();
  if (weights_read > kMostWeights) throw Error(Kind::kBadInput, fmt::format("the file lists more than {} weights", kMostWeights));
  std::set<std::string_view> seen;
  std::vector<KerasWeight> weights;
  for (const auto& name : *names) {
    if (!seen.insert(name).second) throw Error(Kind::kBadInput, fmt::format("weight '{}' is listed twice", escaped(name)));
    weights.push_back(read_weight(group, name));
  }
  return weights;
}

// The layers at the bottom of a nested model, in file order, by name.
void collect_leaves(KerasGraph& graph, std::unordered_map<std::string, KerasLayer*>& leaves) {
  for (auto& layer : graph.layers) {
    if (layer.graph) {
      collect_leaves(*layer.graph, leaves);
    } else if (!leaves.emplace(layer.name, &layer).second && layer.class_name != "InputLayer") {
      throw Error(Kind::kUnsupported, fmt::format("two layers inside it are named '{}', so their weights cannot be told apart", escaped(layer.name)));
    }
  }
}

std::string_view without_number(std::string_view name) {
  const std::size_t digits = name.find_last_not_of("0123456789");
  if (digits == std::string_view::npos || digits + 1 == name.size() || name[digits] != '_') return name;
  return name.substr(0, digits);
}

using Owners = std::map<std::string, KerasLayer*, std::less<>>;

// Each first part of the weights' names -> the layer that it means; nullopt if some part means none, or two mean one.
// `numbered`: every part ends with a number that TensorFlow added. Else only those that name no layer as they stand.
std::optional<Owners> owners_of(const std::set<std::string_view>& parts, const std::unordered_map<std::string, KerasLayer*>& leaves,
                                bool numbered) {
  Owners owners;
  std::set<const KerasLayer*> taken;
  for (const std::string_view part : parts) {
    auto found = numbered ? leaves.end() : leaves.find(std::string(part));
    if (found == leaves.end()) found = leaves.find(std::string(without_number(part)));
    if (found == leaves.end() || !taken.insert(found->second).second) return std::nullopt;
    owners.emplace(part, found->second);
  }
  return owners;
}

// "inner/bn/gamma:0" -> "bn": a model that was built while its outer model ran has its own name in front.
std::string_view first_part(std::string_view weight, std::string_view model) {
  std::string_view part = weight.substr(0, weight.find('/'));
  if (part.size() == weight.size() || without_number(part) != model) return part;
  const std::string_view rest = weight.substr(part.size() + 1);
  return rest.find('/') == std::string_view::npos ? part : rest.substr(0, rest.find('/'));
}

void give_to_inner_layers(std::vector<KerasWeight> weights, KerasLayer& model) {
  std::unordered_map<std::string, KerasLayer*> leaves;
  collect_leaves(*model.graph, leaves);
  std::set<std::string_view> parts;
  for (const auto& weight : weights) parts.insert(first_part(weight.name, model.name));
  auto owners = owners_of(parts, leaves, false);
  if (!owners) owners = owners_of(parts, leaves, true);
  if (!owners) {
    for (const auto& weight : weights)
      if (!leaves.contains(std::string(first_part(weight.name, model.name))))
        throw Error(Kind::kUnsupported, fmt::format("it is not clear which layer inside owns the weight '{}'", escaped(weight.name)));
    throw Error(Kind::kUnsupported, "it is not clear which layers inside own its weights");
  }
  for (auto& weight : weights) {
    KerasLayer& owner = *owners->find(first_part(weight.name, model.name))->second;
    owner.weights.push_back(std::move(weight));
  }
}

std::set<std::string> listed_layers(const Hdf5Group& model_weights) {
  const auto names = model_weights.text_list("layer_names");
  if (!names) throw Error(Kind::kBadInput, "group 'model_weights' has no attribute 'layer_names'");
  std::set<std::string> listed;
  for (const auto& name : *names)
    if (!listed.insert(name).second) throw Error(Kind::kBadInput, fmt::format("'layer_names' lists '{}' twice", escaped(name)));
  return listed;
}

// Newer tf.keras has a group for weights that belong to no layer; it is empty in all models that are made of layers.
constexpr std::string_view kTopLevelGroup = "top_level_model_weights";

void refuse_strangers(const Hdf5Group& model_weights, const KerasGraph& graph, const std::set<std::string>& listed) {
  std::set<std::string_view> layers;
  std::vector<std::string> names;
  for (const auto& layer : graph.layers) {
    layers.insert(layer.name);
    names.push_back(layer.name);
  }
  for (const auto& name : listed) {
    if (layers.contains(name)) continue;
    const auto nearest = nearest_name(name, names);
    throw Error(Kind::kBadInput, fmt::format("'layer_names' lists '{}', but the model has no such layer", escaped(name)),
                nearest ? fmt::format("the nearest name is '{}'", escaped(*nearest)) : "");
  }
  std::set<std::string_view> groups;  // a layer's name with slashes makes groups within groups
  for (const auto& name : listed) groups.insert(std::string_view(name).substr(0, name.find('/')));
  for (const auto& child : model_weights.children()) {
    if (groups.contains(child)) continue;
    const bool empty = child == kTopLevelGroup && model_weights.group(child).text_list("weight_names").value_or(std::vector<std::string>{}).empty();
    if (!empty) throw Error(Kind::kBadInput, fmt::format("group 'model_weights' holds '{}', which belongs to no layer", escaped(child)));
  }
}

std::uint64_t parameters_of(const KerasGraph& graph) {
  std::uint64_t count = 0;
  for (const auto& layer : graph.layers) {
    for (const auto& weight : layer.weights) count += weight.values.size();
    if (layer.graph) count += parameters_of(*layer.graph);
  }
  return count;
}

}  // namespace

std::uint64_t read_weights(const Hdf5Group& model_weights, KerasGraph& graph) {
  const std::set<std::string> listed = listed_layers(model_weights);
  refuse_strangers(model_weights, graph, listed);
  std::size_t weights_read = 0;
  for (auto& layer : graph.layers) {
    within([&] { return fmt::format("layer '{}'", escaped(layer.name)); }, [&] {
      if (!listed.contains(layer.name)) {
        if (layer.class_name == "InputLayer") return;  // Sequential's own is not in the file
        throw Error(Kind::kBadInput, "the weights of the layer are missing: 'layer_names' does not list it");
      }
      auto weights = read_group(model_weights.group(layer.name), weights_read);
      if (layer.graph) {
        give_to_inner_layers(std::move(weights), layer);
      } else {
        layer.weights = std::move(weights);
      }
    });
  }
  return parameters_of(graph);
}

}  // namespace etalon
