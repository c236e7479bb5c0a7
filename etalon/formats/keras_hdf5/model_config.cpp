// A functional model's record:
//
//   {"class_name": "Model", "config": {"name": ..., "input_layers": [["input_1", 0, 0]], "output_layers":
//   [...],
//     "layers": [{"name": "conv1", "class_name": "Conv2D", "config": {...},
//                 "inbound_nodes": [ [["input_1", 0, 0, {}]] ]}]}}           // calls > inputs > reference
//
// A reference is [layer, node, tensor, arguments]. Nodes count a layer's calls from 0. A nested model has one
// call before all others, made when the model itself was built, so in the outer graph its calls start at 1.
#include "etalon/formats/keras_hdf5/model_config.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/formats/keras_hdf5/config_json.hpp"
#include "etalon/formats/keras_hdf5/graph_check.hpp"

namespace etalon {
namespace {

using nlohmann::json;

constexpr std::size_t kMostLayers = 20000;
constexpr std::size_t kMostReferences = 200000;

KerasGraph graph_from(const json& config, std::string_view class_name, std::size_t& layers_read);

bool is_model_class(std::string_view class_name) {
  return class_name == "Model" || class_name == "Functional" || class_name == "Sequential";
}

// Arguments of a call: only ones that leave inference as it is.
void check_arguments(const json& arguments) {
  if (arguments.is_null()) return;
  if (!arguments.is_object()) throw Error(Kind::kBadInput, "a call's arguments are not a JSON object");
  for (const auto& [name, value] : arguments.items()) {
    if (value.is_null() || (name == "training" && value == false)) continue;
    if (name == "training")
      throw Error(Kind::kUnsupported,
                  "is called with training=true: it would work as in training when the model is used");
    throw Error(Kind::kUnsupported, fmt::format("is called with the argument '{}'", escaped(name)));
  }
}

KerasTensorRef reference_from(const json& value) {
  const bool right = value.is_array() && value.size() >= 3 && value.size() <= 4 && value[0].is_string();
  if (!right) throw Error(Kind::kBadInput, "a reference to a tensor is not [layer, node, tensor]");
  if (value.size() == 4) check_arguments(value[3]);
  return {value[0].get<std::string>(), small_integer(value[1], "a node index"),
          small_integer(value[2], "a tensor index")};
}

// [[layer, node, tensor], ...]; newer writers leave out the outer list if there is one reference.
std::vector<KerasTensorRef> references_from(const json& value, std::string_view what) {
  if (!value.is_array() || value.empty())
    throw Error(Kind::kBadInput, fmt::format("{} is not a list of tensors", what));
  if (value[0].is_string()) return {reference_from(value)};
  if (value.size() > kMostReferences) throw Error(Kind::kBadInput, fmt::format("{} is too long", what));
  std::vector<KerasTensorRef> list;
  for (const auto& item : value) list.push_back(reference_from(item));
  return list;
}

std::vector<KerasCall> calls_from(const json& record) {
  const json* nodes = member(record, "inbound_nodes");
  if (nodes == nullptr) return {};
  if (!nodes->is_array()) throw Error(Kind::kBadInput, "inbound_nodes is not a list");
  std::vector<KerasCall> calls;
  for (const auto& node : *nodes) {
    if (node.is_object())
      throw Error(Kind::kUnsupported, "inbound_nodes has Keras 3's form",
                  "save the model with Keras 2 (tf_keras, or TAO's own container)");
    calls.push_back({references_from(node, "a call's inputs")});
  }
  return calls;
}

std::string text_member(const json& object, const char* key) {
  const json* value = member(object, key);
  if (value == nullptr || !value->is_string())
    throw Error(Kind::kBadInput, fmt::format("'{}' is missing or no text", key));
  return value->get<std::string>();
}

// A layer's name stands in its record and in its config; Sequential has only the second.
std::string layer_name(const json& record) {
  if (const json* name = member(record, "name"); name != nullptr && name->is_string())
    return name->get<std::string>();
  const json* config = member(record, "config");
  if (config != nullptr && config->is_object()) return text_member(*config, "name");
  throw Error(Kind::kBadInput, "a layer has no name");
}

KerasLayer layer_from(const json& record, std::size_t& layers_read) {
  if (!record.is_object()) throw Error(Kind::kBadInput, "an entry of 'layers' is not a JSON object");
  if (++layers_read > kMostLayers)
    throw Error(Kind::kBadInput, fmt::format("the model has more than {} layers", kMostLayers));
  KerasLayer layer;
  layer.name = layer_name(record);
  return within([&] { return fmt::format("layer '{}'", escaped(layer.name)); },
                [&] {
                  if (layer.name.empty() || layer.name.find('\0') != std::string::npos)
                    throw Error(Kind::kBadInput, "a layer's name is empty or holds a zero byte");
                  layer.class_name = text_member(record, "class_name");
                  const json* config = member(record, "config");
                  if (config == nullptr) throw Error(Kind::kBadInput, "'config' is missing");
                  layer.calls = calls_from(record);
                  if (is_model_class(layer.class_name)) {
                    layer.graph =
                        std::make_shared<KerasGraph>(graph_from(*config, layer.class_name, layers_read));
                    if (layer.graph->name.empty()) layer.graph->name = layer.name;
                    layer.config = json::object();
                    if (config->is_object())
                      for (const auto& [key, value] : config->items())
                        if (key != "layers" && key != "input_layers" && key != "output_layers")
                          layer.config[key] = value;
                  } else {
                    if (!config->is_object()) throw Error(Kind::kBadInput, "'config' is not a JSON object");
                    layer.config = *config;
                  }
                  return std::move(layer);
                });
}

// Batch and size of a Sequential model's input: of its first layer, or of that layer's first layer, ...
const json* first_input_config(const json& layers) {
  const json* list = &layers;
  while (list != nullptr && list->is_array() && !list->empty()) {
    const json* config = member((*list)[0], "config");
    if (config == nullptr) return nullptr;
    if (config->is_array()) {
      list = config;  // a nested Sequential of the older form
    } else {
      if (const json* shape = member(*config, "batch_input_shape"); shape != nullptr && shape->is_array())
        return config;
      list = member(*config, "layers");
    }
  }
  return nullptr;
}

KerasLayer added_input(const json& layers, const std::string& first_layer) {
  const json* from = first_input_config(layers);
  if (from == nullptr)
    throw Error(Kind::kUnsupported, "a Sequential model does not say the shape of its input",
                "build it with an input shape before it is saved");
  KerasLayer input;
  input.name = first_layer + "_input";
  input.class_name = "InputLayer";
  const json* type = member(*from, "dtype");
  input.config = json{{"name", input.name},
                      {"batch_input_shape", *member(*from, "batch_input_shape")},
                      {"dtype", type != nullptr && type->is_string() ? *type : json("float32")},
                      {"sparse", false}};
  return input;
}

// The node index of a layer's only call: see the top of the file.
int first_node(const KerasLayer& layer) { return layer.graph ? 1 : 0; }

void connect_in_a_row(KerasGraph& graph, const json& layers) {
  if (graph.layers.empty()) throw Error(Kind::kBadInput, "the model has no layers");
  if (graph.layers.front().class_name != "InputLayer")
    graph.layers.insert(graph.layers.begin(), added_input(layers, graph.layers.front().name));
  for (std::size_t i = 1; i < graph.layers.size(); ++i) {
    const KerasLayer& before = graph.layers[i - 1];
    graph.layers[i].calls = {KerasCall{{{before.name, first_node(before), 0}}}};
  }
  graph.inputs = {{graph.layers.front().name, 0, 0}};
  graph.outputs = {{graph.layers.back().name, first_node(graph.layers.back()), 0}};
}

KerasGraph graph_from(const json& config, std::string_view class_name, std::size_t& layers_read) {
  const bool sequential = class_name == "Sequential";
  // Sequential's config was the bare list of layers once.
  const json* layers = sequential && config.is_array() ? &config : member(config, "layers");
  if (layers == nullptr || !layers->is_array())
    throw Error(Kind::kBadInput, "'layers' is missing or no list");
  KerasGraph graph;
  if (const json* name = member(config, "name"); name != nullptr && name->is_string())
    graph.name = name->get<std::string>();
  for (const auto& record : *layers) graph.layers.push_back(layer_from(record, layers_read));
  if (sequential) {
    connect_in_a_row(graph, *layers);
  } else {
    const json* inputs = member(config, "input_layers");
    const json* outputs = member(config, "output_layers");
    if (inputs == nullptr || outputs == nullptr)
      throw Error(Kind::kBadInput, "'input_layers' or 'output_layers' is missing");
    graph.inputs = references_from(*inputs, "input_layers");
    graph.outputs = references_from(*outputs, "output_layers");
  }
  check_graph(graph);
  return graph;
}

}  // namespace

KerasGraph parse_model_config(std::string_view json_text) {
  const json root = parse_config_json(json_text);
  if (!root.is_object()) throw Error(Kind::kBadInput, "model_config is not a JSON object");
  const std::string class_name = text_member(root, "class_name");
  if (!is_model_class(class_name))
    throw Error(Kind::kUnsupported,
                fmt::format("the model is of class '{}', expected Model, Functional or Sequential",
                            escaped(class_name)));
  const json* config = member(root, "config");
  if (config == nullptr) throw Error(Kind::kBadInput, "'config' is missing");
  std::size_t layers_read = 0;
  return graph_from(*config, class_name, layers_read);
}

}  // namespace etalon
