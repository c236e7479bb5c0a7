#include "etalon/formats/keras_hdf5/graph_check.hpp"

#include <fmt/format.h>

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/base/name_match.hpp"

namespace etalon {
namespace {

// Calls of all layers, numbered in file order; an InputLayer counts as one call without inputs.
class Calls {
 public:
  explicit Calls(const KerasGraph& graph) : graph_(graph) {
    for (std::size_t i = 0; i < graph.layers.size(); ++i) {
      const KerasLayer& layer = graph.layers[i];
      if (!layer_of_name_.emplace(layer.name, i).second)
        throw Error(Kind::kBadInput, fmt::format("two layers are named '{}'", escaped(layer.name)));
      const bool is_input = layer.class_name == "InputLayer";
      if (is_input && !layer.calls.empty())
        throw Error(Kind::kBadInput,
                    fmt::format("the input layer '{}' has inputs itself", escaped(layer.name)));
      if (!is_input && layer.calls.empty())
        throw Error(Kind::kBadInput,
                    fmt::format("layer '{}' is not connected to anything", escaped(layer.name)));
      for (const auto& call : layer.calls)
        if (layer.graph && call.inputs.size() != layer.graph->inputs.size())
          throw Error(Kind::kBadInput,
                      fmt::format("the nested model '{}' is called with {} inputs, but has {}",
                                  escaped(layer.name), call.inputs.size(), layer.graph->inputs.size()));
      first_call_.push_back(layer_of_call_.size());
      layer_of_call_.insert(layer_of_call_.end(), is_input ? 1 : layer.calls.size(), i);
    }
  }

  std::size_t count() const { return layer_of_call_.size(); }
  const KerasLayer& layer(std::size_t call) const { return graph_.layers[layer_of_call_[call]]; }
  const std::vector<KerasTensorRef>& inputs(std::size_t call) const {
    static const std::vector<KerasTensorRef> kNone;
    const KerasLayer& at = layer(call);
    return at.calls.empty() ? kNone : at.calls[call - first_call_[layer_of_call_[call]]].inputs;
  }

  std::size_t call_of(const KerasTensorRef& reference) const {
    const auto found = layer_of_name_.find(reference.layer);
    if (found == layer_of_name_.end()) unknown_layer(reference.layer);
    const KerasLayer& at = graph_.layers[found->second];
    const int first = at.graph ? 1 : 0;
    const int count = at.calls.empty() ? 1 : static_cast<int>(at.calls.size());
    if (reference.node_index < first || reference.node_index >= first + count)
      throw Error(Kind::kBadInput,
                  fmt::format("call {} of layer '{}' is used, which has calls {} to {}", reference.node_index,
                              escaped(at.name), first, first + count - 1));
    const bool too_far = at.graph
                             ? static_cast<std::size_t>(reference.tensor_index) >= at.graph->outputs.size()
                             : at.calls.empty() && reference.tensor_index > 0;
    if (too_far)
      throw Error(Kind::kBadInput,
                  fmt::format("output {} of layer '{}' is used, which has {}", reference.tensor_index,
                              escaped(at.name), at.graph ? at.graph->outputs.size() : 1));
    return first_call_[found->second] + static_cast<std::size_t>(reference.node_index - first);
  }

 private:
  [[noreturn]] void unknown_layer(const std::string& name) const {
    std::vector<std::string> names;
    for (const auto& layer : graph_.layers) names.push_back(layer.name);
    const auto nearest = nearest_name(name, names);
    throw Error(Kind::kBadInput,
                fmt::format("layer '{}' is used, but there is none of that name", escaped(name)),
                nearest ? fmt::format("the nearest name is '{}'", escaped(*nearest)) : "");
  }

  const KerasGraph& graph_;
  std::unordered_map<std::string, std::size_t> layer_of_name_;
  std::vector<std::size_t> first_call_;     // by layer
  std::vector<std::size_t> layer_of_call_;  // by call
};

// Kahn's algorithm: take away calls whose inputs are all computed; what remains waits for itself.
void check_order(const Calls& calls) {
  std::vector<std::size_t> waits_for(calls.count(), 0);
  std::vector<std::vector<std::size_t>> users(calls.count());
  std::vector<std::size_t> ready;
  for (std::size_t call = 0; call < calls.count(); ++call) {
    within([&] { return fmt::format("layer '{}'", escaped(calls.layer(call).name)); },
           [&] {
             for (const auto& input : calls.inputs(call)) users[calls.call_of(input)].push_back(call);
           });
    waits_for[call] = calls.inputs(call).size();
    if (waits_for[call] == 0) ready.push_back(call);
  }
  std::size_t computed = 0;
  for (; !ready.empty(); ++computed) {
    const std::size_t call = ready.back();
    ready.pop_back();
    for (const std::size_t user : users[call])
      if (--waits_for[user] == 0) ready.push_back(user);
  }
  if (computed == calls.count()) return;
  for (std::size_t call = 0; call < calls.count(); ++call)
    if (waits_for[call] != 0)
      throw Error(Kind::kBadInput,
                  fmt::format("layer '{}' depends on its own output", escaped(calls.layer(call).name)));
}

}  // namespace

void check_graph(const KerasGraph& graph) {
  if (graph.layers.empty()) throw Error(Kind::kBadInput, "the model has no layers");
  const Calls calls(graph);
  check_order(calls);
  for (const auto& input : graph.inputs) {
    const KerasLayer& layer = calls.layer(calls.call_of(input));
    if (layer.class_name != "InputLayer")
      throw Error(Kind::kBadInput, fmt::format("the model's input '{}' is a {}, expected an InputLayer",
                                               escaped(layer.name), escaped(layer.class_name)));
  }
  for (const auto& output : graph.outputs) calls.call_of(output);
}

}  // namespace etalon
