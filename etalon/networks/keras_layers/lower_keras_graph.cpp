#include "etalon/networks/keras_layers/lower_keras_graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "etalon/base/error.hpp"
#include "etalon/networks/keras_layers/layer_table.hpp"
#include "etalon/networks/keras_layers/quantized_layers.hpp"

namespace etalon {
namespace {

constexpr int kDeepestNesting = 16;
// Shared nested models multiply: one called twice within one called twice ... Beyond this it is no network.
constexpr int kMostCalls = 100000;

using TensorId = std::pair<int, int>;  // call, output

// The calls of one graph, numbered in file order; an InputLayer counts as one call.
struct CallList {
  struct Entry {
    std::size_t layer;
    std::size_t ordinal;  // which call of its layer
  };
  std::vector<Entry> entries;
  std::vector<int> first_of_layer;
  std::unordered_map<std::string, std::size_t> layer_of_name;

  explicit CallList(const KerasGraph& graph) {
    for (std::size_t i = 0; i < graph.layers.size(); ++i) {
      if (!layer_of_name.emplace(graph.layers[i].name, i).second)
        throw Error(Kind::kBadInput, fmt::format("two layers are named '{}'", escaped(graph.layers[i].name)));
      first_of_layer.push_back(static_cast<int>(entries.size()));
      const std::size_t calls = graph.layers[i].class_name == "InputLayer" ? 1 : graph.layers[i].calls.size();
      for (std::size_t k = 0; k < calls; ++k) entries.push_back({i, k});
    }
  }

  // A nested model's first call was made when it was built, outside of this graph: here they count from 1.
  TensorId id_of(const KerasGraph& graph, const KerasTensorRef& reference) const {
    const auto found = layer_of_name.find(reference.layer);
    if (found == layer_of_name.end())
      throw Error(Kind::kBadInput, fmt::format("there is no layer '{}'", escaped(reference.layer)));
    const int first = first_of_layer[found->second];
    const int end = found->second + 1 < first_of_layer.size() ? first_of_layer[found->second + 1]
                                                              : static_cast<int>(entries.size());
    const int base = graph.layers[found->second].graph ? 1 : 0;
    if (reference.node_index < base || reference.node_index - base >= end - first)
      throw Error(Kind::kBadInput,
                  fmt::format("layer '{}' has no call {}", escaped(reference.layer), reference.node_index));
    return {first + reference.node_index - base, reference.tensor_index};
  }
};

class Lowering {
 public:
  Lowering(std::string name, const LoweringOptions& options)
      : graph_(std::move(name)), batch_(options.static_batch_size) {}

  LoweredKeras run(KerasModel& model) {
    if (model.outputs.empty()) throw Error(Kind::kBadInput, "the model has no outputs");
    const auto outputs = lower_graph(model, "", "", nullptr, 0);
    for (const auto& output : outputs) {
      if (inputs_.contains(output.name))
        throw Error(Kind::kUnsupported,
                    fmt::format("the model's output '{}' is its input, unchanged", escaped(output.name)));
      Shape shape{batch_};
      shape.insert(shape.end(), output.shape.begin(), output.shape.end());
      graph_.output(output.name, shape);
    }
    LoweredKeras lowered{std::move(graph_).model(), quantization_aware_, {}};
    lowered.ranges = in_file_order(std::move(ranges_));
    return lowered;
  }

 private:
  // A tensor keeps the place where it was noted first, as in the dictionary that NVIDIA's exporter fills.
  static std::vector<LoweredRange> in_file_order(std::vector<NotedRange> noted) {
    std::ranges::stable_sort(noted, {}, &NotedRange::layer);
    std::vector<LoweredRange> ranges;
    std::unordered_map<std::string, std::size_t> places;
    for (auto& note : noted) {
      const auto [place, is_new] = places.emplace(note.tensor, ranges.size());
      if (is_new)
        ranges.push_back({std::move(note.tensor), std::move(note.carrier), note.range});
      else if (!note.keeps_largest || note.range > ranges[place->second].range)
        ranges[place->second].range = note.range;
    }
    return ranges;
  }

  // `given`: the tensors that stand for the inputs of a nested model; nullptr for the outermost graph, whose
  // inputs become the ONNX graph's.
  std::vector<LoweredTensor> lower_graph(KerasGraph& graph, const std::string& scope,
                                         const std::string& weight_scope,
                                         const std::vector<LoweredTensor>* given, int depth) {
    if (depth > kDeepestNesting)
      throw Error(Kind::kUnsupported, fmt::format("models are nested more than {} deep", kDeepestNesting));
    const CallList calls(graph);
    // First calls keep their layer's name; a repeated call must not take another layer's.
    std::unordered_set<std::string> scopes;
    for (const auto& layer : graph.layers) scopes.insert(layer.name);

    std::vector<std::vector<LoweredTensor>> made(calls.entries.size());
    if (given) {
      if (given->size() != graph.inputs.size())
        throw Error(Kind::kBadInput,
                    fmt::format("is called with {} inputs, but has {}", given->size(), graph.inputs.size()));
      for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
        const int at = calls.id_of(graph, graph.inputs[i]).first;
        made[static_cast<std::size_t>(at)] = {(*given)[i]};
      }
    } else {
      for (const auto& input : graph.inputs) {
        const auto at = calls.id_of(graph, input).first;
        auto& layer = graph.layers[calls.entries[static_cast<std::size_t>(at)].layer];
        if (!made[static_cast<std::size_t>(at)].empty())
          throw Error(Kind::kBadInput, fmt::format("input '{}' stands twice", escaped(layer.name)));
        made[static_cast<std::size_t>(at)] = {
            within([&] { return fmt::format("layer '{}'", escaped(layer.name)); },
                   [&] { return declare_input(layer); })};
      }
    }
    for (const int at : order_of(graph, calls)) {
      auto& layer = graph.layers[calls.entries[static_cast<std::size_t>(at)].layer];
      if (layer.class_name == "InputLayer") {
        if (made[static_cast<std::size_t>(at)].empty())
          throw Error(Kind::kBadInput,
                      fmt::format("input layer '{}' is no input of the model", escaped(layer.name)));
        continue;
      }
      const auto ordinal = calls.entries[static_cast<std::size_t>(at)].ordinal;
      const std::string own = ordinal == 0 ? layer.name : free_scope(layer.name, ordinal, scopes);
      within([&] { return fmt::format("layer '{}'", escaped(layer.name)); },
             [&] {
               std::vector<LoweredTensor> inputs;
               for (const auto& reference : layer.calls[ordinal].inputs)
                 inputs.push_back(tensor_of(graph, calls, made, reference));
               made[static_cast<std::size_t>(at)] =
                   lower_call(layer, calls.entries[static_cast<std::size_t>(at)].layer, scope + own,
                              weight_scope + layer.name, std::move(inputs), depth);
             });
    }
    std::vector<LoweredTensor> outputs;
    for (const auto& reference : graph.outputs) {
      outputs.push_back(tensor_of(graph, calls, made, reference));
      if (outputs.back().maker && is_qdq(*outputs.back().maker))
        throw Error(Kind::kBadInput, fmt::format("the model's output '{}' is a QDQ layer: nothing is left of "
                                                 "it in the exported model",
                                                 escaped(reference.layer)));
    }
    return outputs;
  }

  // "conv1_1" for the second call of conv1, or the next number that no layer has.
  static std::string free_scope(const std::string& layer, std::size_t ordinal,
                                std::unordered_set<std::string>& taken) {
    for (std::size_t k = ordinal;; ++k) {
      auto scope = fmt::format("{}_{}", layer, k);
      if (taken.insert(scope).second) return scope;
    }
  }

  std::vector<LoweredTensor> lower_call(KerasLayer& layer, std::size_t place, const std::string& scope,
                                        const std::string& weight_scope, std::vector<LoweredTensor> inputs,
                                        int depth) {
    if (++call_count_ > kMostCalls)
      throw Error(Kind::kUnsupported,
                  fmt::format("the model has more than {} layers with its nested ones", kMostCalls));
    if (layer.graph) return lower_graph(*layer.graph, scope + "/", weight_scope + "/", &inputs, depth + 1);
    const auto lower = lower_function_of(layer.class_name);
    if (!layer.config.is_object()) throw Error(Kind::kBadInput, "its configuration is no JSON object");
    if (is_quantization_aware(layer)) quantization_aware_ = true;
    LayerCall call{graph_, layer, batch_, scope, weight_scope, std::move(inputs), ranges_, place, depth > 0};
    auto made = within([&] { return layer.class_name; }, [&] { return lower(call); });
    // Keras copies what a layer hands on untouched.
    for (const auto& input : call.inputs)
      if (input.name == made.name && input.tensorflow_name == made.tensorflow_name)
        made.tensorflow_name = call.tensor("Identity");
    made.maker = &layer;
    return {std::move(made)};
  }

  LoweredTensor declare_input(const KerasLayer& layer) {
    if (layer.class_name != "InputLayer")
      throw Error(Kind::kBadInput,
                  fmt::format("is an input of the model, but of class '{}'", escaped(layer.class_name)));
    LayerConfig config(layer.config);
    const auto type = config.text("dtype", "float32");
    if (type != "float32" && type != "float16")
      throw Error(Kind::kUnsupported,
                  fmt::format("the input has the type '{}', expected float32 or float16", escaped(type)));
    const auto* sizes = config.find("batch_input_shape");
    if (!sizes || !sizes->is_array() || sizes->size() < 2 || sizes->size() > 5)
      throw Error(Kind::kBadInput, "the input's 'batch_input_shape' is missing or no list of sizes");
    LoweredTensor input{layer.name, {}};
    input.maker = &layer;
    Shape shape{batch_};
    for (std::size_t i = 1; i < sizes->size(); ++i) {
      const auto& size = (*sizes)[i];
      if (size.is_null())
        throw Error(Kind::kUnsupported,
                    fmt::format("the input's shape {} leaves a size open; only the batch may be",
                                escaped(sizes->dump())));
      if (!size.is_number_integer() || size.get<std::int64_t>() < 1 ||
          size.get<std::int64_t>() > kLargestExtent)
        throw Error(Kind::kBadInput, fmt::format("the input has the shape {}, expected sizes of 1 to {}",
                                                 escaped(sizes->dump()), kLargestExtent));
      input.shape.push_back(size.get<std::int64_t>());
      shape.emplace_back(input.shape.back());
    }
    graph_.input(input.name, shape);
    inputs_.insert(input.name);
    return input;
  }

  static const LoweredTensor& tensor_of(const KerasGraph& graph, const CallList& calls,
                                        const std::vector<std::vector<LoweredTensor>>& made,
                                        const KerasTensorRef& reference) {
    const auto [call, output] = calls.id_of(graph, reference);
    const auto& tensors = made[static_cast<std::size_t>(call)];
    if (output < 0 || static_cast<std::size_t>(output) >= tensors.size())
      throw Error(Kind::kBadInput, fmt::format("layer '{}' has {} outputs, not {}", escaped(reference.layer),
                                               tensors.size(), output + 1));
    return tensors[static_cast<std::size_t>(output)];
  }

  // Calls in an order in which every input is there before it is used; among those that are ready the first
  // of the file goes first (Kahn's algorithm with a heap).
  static std::vector<int> order_of(const KerasGraph& graph, const CallList& calls) {
    const std::size_t count = calls.entries.size();
    std::vector<int> waits_for(count, 0);
    std::vector<std::vector<int>> users(count);
    std::priority_queue<int, std::vector<int>, std::greater<>> ready;
    for (std::size_t at = 0; at < count; ++at) {
      const auto& layer = graph.layers[calls.entries[at].layer];
      if (layer.class_name != "InputLayer")
        for (const auto& reference : layer.calls[calls.entries[at].ordinal].inputs) {
          users[static_cast<std::size_t>(calls.id_of(graph, reference).first)].push_back(
              static_cast<int>(at));
          ++waits_for[at];
        }
      if (waits_for[at] == 0) ready.push(static_cast<int>(at));
    }
    std::vector<int> order;
    while (!ready.empty()) {
      order.push_back(ready.top());
      ready.pop();
      for (const int user : users[static_cast<std::size_t>(order.back())])
        if (--waits_for[static_cast<std::size_t>(user)] == 0) ready.push(user);
    }
    for (std::size_t at = 0; at < count; ++at)
      if (waits_for[at] > 0)
        throw Error(Kind::kBadInput, fmt::format("layer '{}' depends on its own output",
                                                 escaped(graph.layers[calls.entries[at].layer].name)));
    return order;
  }

  GraphBuilder graph_;
  Dimension batch_;
  std::unordered_set<std::string> inputs_;
  std::vector<NotedRange> ranges_;
  bool quantization_aware_ = false;
  int call_count_ = 0;
};

}  // namespace

LoweredKeras lower_keras_graph(KerasModel&& model, const LoweringOptions& options) {
  KerasModel own = std::move(model);
  return Lowering(own.name, options).run(own);
}

}  // namespace etalon
