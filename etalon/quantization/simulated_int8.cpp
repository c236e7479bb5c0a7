// Quantising and dequantising is one step on the real line: x becomes the nearest multiple of the scale
// within 127 steps. As nodes, once for each tensor x that some layer reads, whatever the number of its
// readers:
//
//   before   Conv(x, w, b) -> y;  Add(x, y) -> z
//   after    Div(x, s) -> x/int8/steps;  Round -> x/int8/rounded;  Clip(-127, 127) -> x/int8/clipped;
//            Mul(.., s) -> x/int8;  Conv(x/int8, w/int8, b) -> y;  Add(x, y) -> z
//
// Only layers with weights read the rounded tensor; everything between them stays as it was.
#include "etalon/quantization/simulated_int8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/onnx/fresh_names.hpp"
#include "etalon/quantization/weight_grid.hpp"
#include "etalon/quantization/weighted_layers.hpp"

namespace etalon {
namespace {

constexpr std::int64_t kOldestOpset = 11;  // Round, and Clip with its limits as inputs

bool has_scale(const GraphProto& graph, const WeightedLayer& layer,
               const std::map<std::string, float>& scales) {
  return scales.contains(graph.node(layer.node).input(0));
}

// Adds tensors and nodes to a graph, under names that it does not have yet.
class Rewriter {
 public:
  explicit Rewriter(GraphProto& graph) : graph_(graph), names_(graph) {}

  // The name of the chain's end: `tensor` rounded to the grid of `scale`. The chain's nodes go to `nodes`.
  const std::string& rounded(const std::string& tensor, float scale, std::vector<NodeProto>& nodes) {
    if (const auto made = rounded_.find(tensor); made != rounded_.end()) return made->second;
    if (!std::isfinite(scale) || scale <= 0)
      throw Error(Kind::kBadInput,
                  fmt::format("the scale of '{}' is {}, expected a positive number", escaped(tensor), scale));
    if (lowest_.empty()) {
      lowest_ = number("int8/lowest", -127.0F);
      highest_ = number("int8/highest", 127.0F);
    }
    const std::string step = number(tensor + "/int8/scale", scale);
    const std::string steps = append(nodes, "Div", {tensor, step}, tensor + "/int8/steps");
    const std::string whole = append(nodes, "Round", {steps}, tensor + "/int8/rounded");
    const std::string clipped = append(nodes, "Clip", {whole, lowest_, highest_}, tensor + "/int8/clipped");
    return rounded_[tensor] = append(nodes, "Mul", {clipped, step}, tensor + "/int8");
  }

  // The name of the weights rounded to their grids; a second layer with the same weights in the same role
  // gets the same.
  std::string rounded_weight(const WeightedLayer& layer) {
    auto& made = weights_[layer.weight->name()];
    for (const auto& [layout, name] : made)
      if (layout == layer.layout) return name;
    std::vector<float> values = float_values(*layer.weight);
    within([&] { return fmt::format("weight '{}'", escaped(layer.weight->name())); },
           [&] { round_to_channel_grids(values, layer.layout); });
    TensorProto& tensor = *graph_.add_initializer();
    tensor.set_name(names_.take(layer.weight->name() + "/int8"));
    tensor.set_data_type(TensorProto::FLOAT);
    *tensor.mutable_dims() = layer.weight->dims();
    tensor.mutable_raw_data()->assign(reinterpret_cast<const char*>(values.data()),
                                      values.size() * sizeof(float));
    return made.emplace_back(layer.layout, tensor.name()).second;
  }

 private:
  std::string number(const std::string& name, float value) {
    TensorProto& tensor = *graph_.add_initializer();
    tensor.set_name(names_.take(name));
    tensor.set_data_type(TensorProto::FLOAT);
    tensor.add_float_data(value);
    return tensor.name();
  }

  std::string append(std::vector<NodeProto>& nodes, const char* op, const std::vector<std::string>& inputs,
                     const std::string& output) {
    NodeProto& node = nodes.emplace_back();
    node.set_op_type(op);
    for (const auto& input : inputs) node.add_input(input);
    node.add_output(names_.take(output));
    node.set_name(node.output(0));
    return node.output(0);
  }

  GraphProto& graph_;
  FreshNames names_;
  std::unordered_map<std::string, std::string> rounded_;
  std::unordered_map<std::string, std::vector<std::pair<ChannelLayout, std::string>>> weights_;
  std::string lowest_, highest_;
};

}  // namespace

ModelProto simulate_int8(const ModelProto& model, const std::map<std::string, float>& scales) {
  ModelProto out = model;
  GraphProto& graph = *out.mutable_graph();
  std::unordered_map<int, WeightedLayer> layers;
  for (const auto& layer : weighted_layers(graph).constant)
    if (has_scale(graph, layer, scales)) layers.emplace(layer.node, layer);
  if (layers.empty()) return out;
  if (opset_of(model) < kOldestOpset)
    throw Error(Kind::kUnsupported,
                fmt::format("the model has opset {}, simulating INT8 needs {} or later", opset_of(model),
                            kOldestOpset),
                "export the trained model with etalon, or raise the opset with onnx's version_converter");

  // Before IR 4 every initializer had to be an input of the graph too; the new ones are not.
  out.set_ir_version(std::max<std::int64_t>(out.ir_version(), 4));
  Rewriter rewriter(graph);
  std::vector<NodeProto> nodes;
  for (int i = 0; i < graph.node_size(); ++i) {
    NodeProto node = std::move(*graph.mutable_node(i));
    if (const auto layer = layers.find(i); layer != layers.end()) {
      node.set_input(0, rewriter.rounded(node.input(0), scales.at(node.input(0)), nodes));
      node.set_input(1, rewriter.rounded_weight(layer->second));
    }
    nodes.push_back(std::move(node));
  }
  graph.clear_node();
  for (auto& node : nodes) *graph.add_node() = std::move(node);
  return out;
}

std::size_t count_quantizable_layers(const ModelProto& model) {
  return weighted_layers(model.graph()).constant.size();
}

std::size_t count_quantizable_layers(const ModelProto& model, const std::map<std::string, float>& scales) {
  std::size_t count = 0;
  for (const auto& layer : weighted_layers(model.graph()).constant)
    count += has_scale(model.graph(), layer, scales) ? 1U : 0U;
  return count;
}

}  // namespace etalon
