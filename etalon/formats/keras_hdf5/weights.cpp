// Layers are found by name, and a plain layer owns all weights of its group, whatever these are called
// (TensorFlow makes names unique, so group conv1 may hold conv1_1/kernel:0).
//
// A nested model has one group for all layers inside it, at any depth: first the trainable weights of all of
// them, then the others, so a batch norm's moving statistics do not follow its gamma and beta. Which layer
// owns a weight is said by its name up to the first slash only: bn/gamma:0. The order within one layer is
// right as it stands. Where TensorFlow has made the names unique, that part has a number at its end,
// bn_1/gamma:0; see `owners_of`.
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

void check_finite(const KerasWeight& weight) {
  const auto wrong = std::ranges::find_if(weight.values, [](float value) { return !std::isfinite(value); });
  if (wrong != weight.values.end())
    throw Error(Kind::kBadInput,
                fmt::format("weight '{}' is {} at index {}", escaped(weight.name), *wrong,
                            wrong - weight.values.begin()),
                "the training went wrong or the file is damaged; take an earlier checkpoint");
}

// The layers at the bottom of a nested model, in file order, by name.
void collect_leaves(KerasGraph& graph, std::unordered_map<std::string, KerasLayer*>& leaves) {
  for (auto& layer : graph.layers) {
    if (layer.graph) {
      collect_leaves(*layer.graph, leaves);
    } else if (!leaves.emplace(layer.name, &layer).second && layer.class_name != "InputLayer") {
      throw Error(Kind::kUnsupported,
                  fmt::format("two layers inside it are named '{}', so their weights cannot be told apart",
                              escaped(layer.name)));
    }
  }
}

std::string_view without_number(std::string_view name) {
  const std::size_t digits = name.find_last_not_of("0123456789");
  if (digits == std::string_view::npos || digits + 1 == name.size() || name[digits] != '_') return name;
  return name.substr(0, digits);
}

using Owners = std::map<std::string, KerasLayer*, std::less<>>;

// Each first part of the weights' names -> the layer that it means; nullopt if some part means none, or two
// mean one. `numbered`: every part ends with a number that TensorFlow added. Else only those that name no
// layer as they stand.
std::optional<Owners> owners_of(const std::set<std::string_view>& parts,
                                const std::unordered_map<std::string, KerasLayer*>& leaves, bool numbered) {
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
        throw Error(Kind::kUnsupported, fmt::format("it is not clear which layer inside owns the weight '{}'",
                                                    escaped(weight.name)));
    throw Error(Kind::kUnsupported, "it is not clear which layers inside own its weights");
  }
  for (auto& weight : weights) {
    KerasLayer& owner = *owners->find(first_part(weight.name, model.name))->second;
    owner.weights.push_back(std::move(weight));
  }
}

using SavedByName = std::map<std::string_view, SavedLayer*>;

SavedByName by_name(std::vector<SavedLayer>& saved, const KerasGraph& graph) {
  std::set<std::string_view> layers;
  std::vector<std::string> names;
  for (const auto& layer : graph.layers) {
    layers.insert(layer.name);
    names.push_back(layer.name);
  }
  SavedByName found;
  for (auto& layer : saved) {
    if (!found.emplace(layer.name, &layer).second)
      throw Error(Kind::kBadInput, fmt::format("'layer_names' lists '{}' twice", escaped(layer.name)));
    if (layers.contains(layer.name)) continue;
    const auto nearest = nearest_name(layer.name, names);
    throw Error(Kind::kBadInput,
                fmt::format("'layer_names' lists '{}', but the model has no such layer", escaped(layer.name)),
                nearest ? fmt::format("the nearest name is '{}'", escaped(*nearest)) : "");
  }
  return found;
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

std::uint64_t give_weights(std::vector<SavedLayer> saved, KerasGraph& graph) {
  const SavedByName saved_by_name = by_name(saved, graph);
  for (auto& layer : graph.layers) {
    within([&] { return fmt::format("layer '{}'", escaped(layer.name)); },
           [&] {
             const auto found = saved_by_name.find(layer.name);
             if (found == saved_by_name.end()) {
               if (layer.class_name == "InputLayer") return;  // Sequential's own is not in the file
               throw Error(Kind::kBadInput,
                           "the weights of the layer are missing: 'layer_names' does not list it");
             }
             auto& weights = found->second->weights;
             for (const auto& weight : weights) check_finite(weight);
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
