// See the header for what a layer looks like afterwards. Where Q/DQ stands follows NVIDIA's advice for
// explicit quantisation (TensorRT's documentation, "Explicit Quantization: Q/DQ layer-placement
// recommendations", and the residual case of its TensorFlow toolkit):
//
// - in front of layers with weights only: TensorRT itself moves a Q up through pooling, concat and reshapes,
//   so that they run in INT8 too, if their scales agree (scale_sources);
// - the addend of a residual Add that does not come from a convolution is rounded as well: then convolution,
//   sum and activation are one INT8 kernel. Of two convolutions the shortcut's is rounded:
//
//     before   Conv(..) -> a;  Add(a, skip) -> y
//     after    Conv(..) -> a;  QuantizeLinear, DequantizeLinear: skip -> skip/dequantized;
//              Add(a, skip/dequantized) -> y
#include "etalon/quantization/explicit_int8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "etalon/base/error.hpp"
#include "etalon/calibration/scale_sources.hpp"
#include "etalon/onnx/fresh_names.hpp"
#include "etalon/onnx/graph_index.hpp"
#include "etalon/onnx/hoist_constants.hpp"
#include "etalon/onnx/tensor_types.hpp"
#include "etalon/quantization/weight_grid.hpp"
#include "etalon/quantization/weighted_layers.hpp"

namespace etalon {
namespace {

constexpr std::int64_t kOldestOpset = 13;  // DequantizeLinear with an axis

constexpr std::array<std::string_view, 9> kQuantizedOperators{
    "QuantizeLinear", "DequantizeLinear", "FakeQuantize",  "DynamicQuantizeLinear", "QLinearConv",
    "QLinearMatMul",  "ConvInteger",      "MatMulInteger", "TRT_INT8QuantizeLinear"};

bool is_quantized(const GraphProto& graph) {
  for (const auto& node : graph.node()) {
    if (std::ranges::find(kQuantizedOperators, node.op_type()) != kQuantizedOperators.end()) return true;
    for (const auto& attribute : node.attribute()) {
      if (attribute.has_g() && is_quantized(attribute.g())) return true;
      for (const auto& subgraph : attribute.graphs())
        if (is_quantized(subgraph)) return true;
    }
  }
  return false;
}

bool is_own(const NodeProto& node, std::string_view op) {
  return node.op_type() == op && (node.domain().empty() || node.domain() == "ai.onnx");
}

void check_scale(float scale, const std::string& of) {
  // TensorRT refuses scales that are not positive, and takes infinite and denormal ones without a word.
  if (!std::isnormal(scale) || scale < 0)
    throw Error(Kind::kBadInput,
                fmt::format("the scale of '{}' is {}, expected a positive number{}", escaped(of), scale,
                            scale > 0 && std::isfinite(scale) ? " that is not denormal" : ""));
}

void check_request(const ModelProto& model, const ExplicitInt8Request& request) {
  check_can_be_quantized(model);
  for (const auto& [tensor, scale] : request.scales) check_scale(scale, tensor);
  for (const auto& [weight, steps] : request.weight_steps)
    for (const float step : steps) check_scale(step, weight);
}

// The scale of every activation that has one, those that TensorRT keeps together with one in common: the one
// of the tensor that decides, else of the first of its group that has any.
std::unordered_map<std::string, float> shared_scales(const ModelProto& model,
                                                     const std::map<std::string, float>& scales) {
  const auto sources = scale_sources(model);
  std::unordered_map<std::string, float> of_source, shared;
  const std::vector<std::string> activations = activation_names(model.graph());
  for (const auto& name : activations)
    if (const auto own = scales.find(name); own != scales.end()) {
      const auto source = sources.find(name);
      const std::string& decides = source == sources.end() ? name : source->second;
      if (decides == name)
        of_source[decides] = own->second;
      else if (!scales.contains(decides))
        of_source.emplace(decides, own->second);
    }
  for (const auto& name : activations) {
    const auto source = sources.find(name);
    const auto scale = of_source.find(source == sources.end() ? name : source->second);
    if (scale != of_source.end()) shared[name] = scale->second;
  }
  return shared;
}

// ONNX's axis of the output channels; nullopt: one step for all.
std::optional<std::int64_t> channel_axis(const NodeProto& node, const TensorProto& weight) {
  const int rank = weight.dims_size();
  if (rank == 1) return std::nullopt;  // a MatMul with a vector
  if (node.op_type() == "Conv" || (node.op_type() == "Gemm" && int_attribute(node, "transB", 0) != 0))
    return 0;
  return node.op_type() == "MatMul" ? rank - 1 : 1;
}

class Rewriter {
 public:
  explicit Rewriter(GraphProto& graph) : graph_(graph), names_(graph) {}

  // The name of the rounded tensor. Its nodes go to `nodes`.
  const std::string& dequantized(const std::string& tensor, float scale, std::vector<NodeProto>& nodes) {
    if (const auto made = rounded_.find(tensor); made != rounded_.end()) return made->second;
    return rounded_[tensor] = round(tensor, tensor, names_.take(tensor + "/dequantized"), scale, nodes);
  }

  // As above for a tensor of the graph that is to bear the rounded values under its own name, its maker's
  // output being called `unrounded` from now on.
  void round_in_place(const std::string& tensor, const std::string& unrounded, float scale,
                      std::vector<NodeProto>& nodes) {
    rounded_[tensor] = round(unrounded, tensor, tensor, scale, nodes);
  }

  std::string take_name(const std::string& wished) { return names_.take(wished); }

  // The name of the dequantised weights; a second layer with the same weights in the same role gets the same.
  std::string weight(const NodeProto& node, const WeightedLayer& layer, const std::vector<float>* steps,
                     std::vector<NodeProto>& nodes) {
    const std::string name = layer.weight->name();
    const auto axis = channel_axis(node, *layer.weight);
    auto& made = weights_[name];
    for (const auto& other : made)
      if (other.layout == layer.layout && other.axis == axis) return other.dequantized;
    return within(
        [&] { return fmt::format("weight '{}'", escaped(name)); },
        [&] {
          const std::vector<float> values = float_values(*layer.weight);
          const std::vector<float> own = channel_steps(values, layer.layout);  // refuses what is not finite
          if (steps && steps->size() != own.size())
            throw Error(Kind::kBadInput, fmt::format("training fixed {} steps for {} output channels",
                                                     steps->size(), own.size()));
          const std::vector<float>& chosen = steps ? *steps : own;
          const std::vector<std::int8_t> integers =
              in_steps(values, layer.layout, chosen, steps ? -128 : -127);

          TensorProto& stored = *graph_.add_initializer();
          stored.set_name(names_.take(name + "/int8"));
          stored.set_data_type(TensorProto::INT8);
          *stored.mutable_dims() = layer.weight->dims();
          stored.mutable_raw_data()->assign(reinterpret_cast<const char*>(integers.data()), integers.size());
          const std::string stored_name = stored.name();
          const std::string scale = floats(name + "/scale", chosen, axis.has_value());
          NodeProto& dq = nodes.emplace_back();
          dq.set_op_type("DequantizeLinear");
          dq.add_input(stored_name);
          dq.add_input(scale);
          dq.add_input(axis ? zeros(chosen.size()) : zero());
          dq.add_output(names_.take(name + "/dequantized"));
          dq.set_name(dq.output(0));
          if (axis) set_axis(dq, *axis);
          made.push_back({layer.layout, axis, dq.output(0)});
          return dq.output(0);
        });
  }

  // Takes away the float weights that nobody reads any more.
  void drop_unread_weights() {
    const GraphIndex index(graph_);
    const auto unread = [&](const std::string& name) {
      return weights_.contains(name) && index.users(name).empty() && !index.is_graph_output(name);
    };
    const auto erase = [&](auto& entries) {
      entries.erase(std::remove_if(entries.begin(), entries.end(),
                                   [&](const auto& entry) { return unread(entry.name()); }),
                    entries.end());
    };
    erase(*graph_.mutable_initializer());
    erase(*graph_.mutable_input());  // before IR 4 every initializer is an input too
    erase(*graph_.mutable_value_info());
  }

 private:
  struct Weight {
    ChannelLayout layout;
    std::optional<std::int64_t> axis;
    std::string dequantized;
  };

  std::string round(const std::string& from, const std::string& stem, const std::string& to, float scale,
                    std::vector<NodeProto>& nodes) {
    const std::string step = floats(stem + "/scale", {scale}, false);
    NodeProto& q = nodes.emplace_back();
    q.set_op_type("QuantizeLinear");
    for (const auto& input : {from, step, zero()}) q.add_input(input);
    const std::string integers = names_.take(stem + "/quantized");
    q.add_output(integers);
    q.set_name(integers);
    NodeProto& dq = nodes.emplace_back();
    dq.set_op_type("DequantizeLinear");
    for (const auto& input : {integers, step, zero()}) dq.add_input(input);
    dq.add_output(to);
    dq.set_name(to == stem ? names_.take(stem + "/dequantized") : to);
    return to;
  }

  static void set_axis(NodeProto& node, std::int64_t axis) {
    AttributeProto& attribute = *node.add_attribute();
    attribute.set_name("axis");
    attribute.set_type(AttributeProto::INT);
    attribute.set_i(axis);
  }

  std::string floats(const std::string& name, const std::vector<float>& values, bool one_axis) {
    TensorProto& tensor = *graph_.add_initializer();
    tensor.set_name(names_.take(name));
    tensor.set_data_type(TensorProto::FLOAT);
    if (one_axis) tensor.add_dims(static_cast<std::int64_t>(values.size()));
    tensor.mutable_raw_data()->assign(reinterpret_cast<const char*>(values.data()),
                                      values.size() * sizeof(float));
    return tensor.name();
  }

  const std::string& zero() {
    if (zero_.empty()) zero_ = int8_zeros("int8/zero_point", 1, false);
    return zero_;
  }
  const std::string& zeros(std::size_t count) {
    std::string& name = zeros_[count];
    if (name.empty()) name = int8_zeros(fmt::format("int8/zero_points_{}", count), count, true);
    return name;
  }
  std::string int8_zeros(const std::string& name, std::size_t count, bool one_axis) {
    TensorProto& tensor = *graph_.add_initializer();
    tensor.set_name(names_.take(name));
    tensor.set_data_type(TensorProto::INT8);
    if (one_axis) tensor.add_dims(static_cast<std::int64_t>(count));
    tensor.mutable_raw_data()->assign(count, '\0');
    return tensor.name();
  }

  GraphProto& graph_;
  FreshNames names_;
  std::unordered_map<std::string, std::string> rounded_;
  std::unordered_map<std::string, std::vector<Weight>> weights_;
  std::string zero_;
  std::unordered_map<std::size_t, std::string> zeros_;
};

// Finds the skip inputs of residual sums.
class Residuals {
 public:
  Residuals(const GraphProto& graph, const GraphIndex& index, const std::unordered_set<int>& int8_layers)
      : graph_(graph), index_(index), int8_layers_(int8_layers) {}

  // Which input of the node, an Add whose other addend is made by a convolution in INT8, is the skip.
  std::optional<int> skip_input(const NodeProto& node) const {
    if (!is_own(node, "Add") || node.input_size() != 2 || node.input(0) == node.input(1)) return std::nullopt;
    const auto a = convolution_behind(node.input(0)), b = convolution_behind(node.input(1));
    if (!a && !b) return std::nullopt;
    if (!a || !b) return a ? 1 : 0;
    return starts_behind(*b, graph_.node(*a).input(0)) ? 0 : 1;
  }

 private:
  static constexpr int kLongestBlock = 16;  // nodes of a residual block's main path, generously

  // The convolution whose result the tensor is, if it can be fused with the sum: nothing but what folds into
  // it stands between, and nobody else reads it.
  std::optional<int> convolution_behind(const std::string& tensor) const {
    std::string_view at = tensor;
    for (int steps = 0; steps < 4; ++steps) {
      const auto maker = index_.producer(at);
      if (!maker || index_.users(at).size() != 1 || index_.is_graph_output(at)) return std::nullopt;
      const NodeProto& node = graph_.node(*maker);
      if (is_own(node, "Conv") || is_own(node, "ConvTranspose"))
        return int8_layers_.contains(*maker) ? maker : std::nullopt;
      const bool folds = is_own(node, "BatchNormalization") || is_own(node, "Identity") ||
                         (is_own(node, "Add") && node.input_size() == 2 && index_.initializer(node.input(1)));
      if (!folds || node.input_size() == 0) return std::nullopt;
      at = node.input(0);
    }
    return std::nullopt;
  }

  // Whether the path that ends with the convolution `last` comes from `tensor`, along first inputs. Then the
  // convolution that reads `tensor` directly is the shortcut.
  bool starts_behind(int last, std::string_view tensor) const {
    std::string_view at = graph_.node(last).input(0);
    if (at == tensor) return false;  // both read it: neither is longer
    for (int steps = 0; steps < kLongestBlock; ++steps) {
      const auto maker = index_.producer(at);
      if (!maker || graph_.node(*maker).input_size() == 0) return false;
      at = graph_.node(*maker).input(0);
      if (at == tensor) return true;
    }
    return false;
  }

  const GraphProto& graph_;
  const GraphIndex& index_;
  const std::unordered_set<int>& int8_layers_;
};

}  // namespace

bool is_explicitly_quantized(const ModelProto& model) { return is_quantized(model.graph()); }

std::vector<std::string> residual_skips(const ModelProto& given) {
  ModelProto model = given;
  hoist_constants(model);
  const GraphProto& graph = model.graph();
  const GraphIndex index(graph);
  std::unordered_set<int> layers;
  for (int i = 0; i < graph.node_size(); ++i)
    if (graph.node(i).input_size() > 1 && index.initializer(graph.node(i).input(1))) layers.insert(i);
  const Residuals residuals(graph, index, layers);
  std::vector<std::string> skips;
  for (const auto& node : graph.node())
    if (const auto skip = residuals.skip_input(node); skip && !index.initializer(node.input(*skip)))
      skips.push_back(node.input(*skip));
  return skips;
}

void check_can_be_quantized(const ModelProto& model) {
  if (is_explicitly_quantized(model))
    throw Error(Kind::kBadInput,
                "the model is quantised already: it has QuantizeLinear or DequantizeLinear nodes",
                "give the model in floating point that it was made from");
  if (const auto opset = opset_of(model); opset < kOldestOpset)
    throw Error(Kind::kUnsupported,
                fmt::format("the model has opset {}, explicit INT8 needs {} or later", opset, kOldestOpset),
                "`etalon NETWORK export -m OLD.onnx` raises it, where that changes nothing");
}

ExplicitInt8 make_explicit_int8(const ModelProto& model, const ExplicitInt8Request& request) {
  check_request(model, request);
  const bool trained = request.placement == ExplicitInt8Request::Placement::kTrained;
  ExplicitInt8 made{model, {}, {}};
  hoist_constants(made.model);
  GraphProto& graph = *made.model.mutable_graph();

  // Scales of the tensors that may be rounded: activations in float32.
  std::unordered_map<std::string, float> scales;
  if (trained) {
    for (const auto& name : activation_names(graph))
      if (const auto scale = request.scales.find(name); scale != request.scales.end()) scales.insert(*scale);
  } else {
    scales = shared_scales(made.model, request.scales);
  }
  const auto types = tensor_types(graph);
  std::erase_if(scales, [&](const auto& entry) {
    const auto type = types.find(entry.first);
    return type == types.end() || type->second != TensorProto::FLOAT;
  });

  const auto found = weighted_layers(graph);
  std::unordered_map<int, WeightedLayer> layers;
  std::unordered_map<int, std::string> left;
  std::unordered_set<int> int8_layers;
  for (const auto& [node, reason] : found.others) left.emplace(node, reason);
  for (const auto& layer : found.constant) {
    const NodeProto& node = graph.node(layer.node);
    if (!scales.contains(node.input(0)))
      left.emplace(layer.node, fmt::format("no scale for its input '{}'", escaped(node.input(0))));
    else if (layer.layout.groups > 1)
      left.emplace(layer.node,
                   "ONNX has no axis for the output channels of a transposed convolution in groups");
    else if (trained && !request.weight_steps.contains(layer.weight->name()))
      left.emplace(layer.node, "training fixed no steps for its weights");
    else {
      layers.emplace(layer.node, layer);
      int8_layers.insert(layer.node);
    }
  }

  // Before IR 4 every initializer had to be an input of the graph too; the new ones are not.
  made.model.set_ir_version(std::max<std::int64_t>(made.model.ir_version(), 4));
  const GraphIndex index(graph);
  const Residuals residuals(graph, index, int8_layers);
  std::vector<std::optional<int>> skips(static_cast<std::size_t>(graph.node_size()));
  if (!trained)
    for (int i = 0; i < graph.node_size(); ++i)
      skips[static_cast<std::size_t>(i)] = residuals.skip_input(graph.node(i));

  Rewriter rewriter(graph);
  std::vector<NodeProto> nodes;
  const auto read_rounded = [&](NodeProto& node, int input) {
    if (const auto scale = scales.find(node.input(input)); scale != scales.end())
      node.set_input(input, rewriter.dequantized(scale->first, scale->second, nodes));
  };
  for (int i = 0; i < graph.node_size(); ++i) {
    NodeProto node = std::move(*graph.mutable_node(i));
    const auto layer = layers.find(i);
    const std::string name = node.output_size() > 0 ? node.output(0) : "";
    if (trained) {
      for (int k = 0; k < node.input_size(); ++k) read_rounded(node, k);
    } else if (layer != layers.end()) {
      read_rounded(node, 0);
    } else if (const auto skip = skips[static_cast<std::size_t>(i)]) {
      read_rounded(node, *skip);
    }
    if (layer != layers.end()) {
      const auto steps = request.weight_steps.find(layer->second.weight->name());
      node.set_input(1,
                     rewriter.weight(node, layer->second,
                                     steps == request.weight_steps.end() ? nullptr : &steps->second, nodes));
      made.quantized.push_back(name);
    } else if (const auto reason = left.find(i); reason != left.end()) {
      made.left.push_back({name, reason->second});
    }
    // An output of the graph that training rounds bears the rounded values.
    std::vector<NodeProto> behind;
    if (trained)
      for (auto& output : *node.mutable_output())
        if (const auto scale = scales.find(output); scale != scales.end() && index.is_graph_output(output)) {
          const std::string unrounded = rewriter.take_name(output + "/unrounded");
          rewriter.round_in_place(output, unrounded, scale->second, behind);
          output = unrounded;
        }
    nodes.push_back(std::move(node));
    for (auto& after : behind) nodes.push_back(std::move(after));
  }
  graph.clear_node();
  for (auto& node : nodes) *graph.add_node() = std::move(node);
  rewriter.drop_unread_weights();
  return made;
}

std::vector<std::pair<std::string, float>> activation_scales(const ModelProto& given) {
  ModelProto model = given;
  hoist_constants(model);
  const GraphProto& graph = model.graph();
  const GraphIndex index(graph);
  // The tensor as the float model has it: half-precision models cast around it.
  const auto plain_name = [&](const std::string& tensor) {
    if (const auto maker = index.producer(tensor);
        maker && is_own(graph.node(*maker), "Cast") && graph.node(*maker).input_size() == 1)
      return graph.node(*maker).input(0);
    for (const int user : index.users(tensor))
      if (const NodeProto& node = graph.node(user);
          is_own(node, "Cast") && node.output_size() == 1 && tensor == node.output(0) + "/half")
        return node.output(0);
    return tensor;
  };
  std::vector<std::pair<std::string, float>> scales;
  std::unordered_map<std::string, std::vector<float>> known;
  for (const auto& node : graph.node()) {
    if (!is_own(node, "QuantizeLinear")) continue;
    within([&] { return fmt::format("node '{}'", escaped(node.name())); },
           [&] {
             if (node.input_size() < 2) throw Error(Kind::kBadInput, "it has no scale");
             if (index.initializer(node.input(0))) return;  // weights
             const auto scale_at = index.initializer(node.input(1));
             if (!scale_at) throw Error(Kind::kBadInput, "its scale is no constant");
             const TensorProto& scale = graph.initializer(*scale_at);
             if (element_count(scale) != 1)
               throw Error(Kind::kBadInput,
                           fmt::format("it has {} scales, expected one a tensor", element_count(scale)),
                           "a cache has one scale a tensor");
             if (node.input_size() > 2 && !node.input(2).empty()) {
               const auto zero_at = index.initializer(node.input(2));
               if (!zero_at) throw Error(Kind::kBadInput, "its zero point is no constant");
               const TensorProto& zero = graph.initializer(*zero_at);
               if (zero.data_type() != TensorProto::INT8)
                 throw Error(Kind::kBadInput, "its zero point is not of type INT8",
                             "TensorRT's INT8 is symmetric: quantise with int8 and zero point 0");
               const bool is_zero =
                   zero.has_raw_data() ? std::ranges::all_of(zero.raw_data(), [](char c) { return c == 0; })
                                       : std::ranges::all_of(zero.int32_data(), [](int v) { return v == 0; });
               if (!is_zero)
                 throw Error(Kind::kBadInput, "its zero point is not 0",
                             "TensorRT's INT8 is symmetric: quantise with int8 and zero point 0");
             }
             const float value = float_values(scale).at(0);
             const std::string tensor = plain_name(node.input(0));
             check_scale(value, tensor);
             auto& seen = known[tensor];
             if (std::ranges::find(seen, value) != seen.end()) return;
             seen.push_back(value);
             scales.emplace_back(tensor, value);
           });
  }
  return scales;
}

}  // namespace etalon
