// Three passes: each node is put into float32, half precision, or the type of what it reads (classify); then
// it is noted which form of each tensor anybody needs; then the nodes are written anew, with a Cast where a
// tensor is needed in a form that it has not.
//
//   before   Conv(input, w, b) -> y;  Softmax(y) -> output
//   after    Cast(input) -> input/half;  Conv(input/half, w, b) -> y;  Cast(y) -> y/float;
//            Softmax(y/float) -> output          (input, y/float and output are float32, the rest half)
//
// What a DequantizeLinear makes is no Cast away but another DequantizeLinear of the same integers, with a
// scale of the other type: a Cast would keep TensorRT from seeing an INT8 layer.
#include "etalon/quantization/half_precision.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "etalon/base/error.hpp"
#include "etalon/base/half.hpp"
#include "etalon/calibration/scale_sources.hpp"
#include "etalon/onnx/fresh_names.hpp"
#include "etalon/onnx/graph_index.hpp"
#include "etalon/onnx/hoist_constants.hpp"
#include "etalon/onnx/raise_opset.hpp"
#include "etalon/onnx/tensor_types.hpp"

namespace etalon {
namespace {

constexpr std::int64_t kOldestOpset = 9;
constexpr float kLargestHalf = 65504.0F;
constexpr float kSmallestNormalHalf = 0x1p-14F;    // below, bits are lost
constexpr float kLargestRange = kLargestHalf / 2;  // an image that calibration has not seen may go further
constexpr float kScaleTolerance = 1.0F / 1024;     // relative; half precision itself rounds to 1 / 2048

enum class Form { kFloat, kHalf };

enum class Way {
  kHalf,    // computes in half precision
  kFloat,   // stays in float32
  kMoves,   // only moves values: the type of what it reads
  kEither,  // reads either type, and what it makes has a type of its own
  kQuantize,
  kDequantize,
};

struct OperatorRule {
  std::string_view op;
  Way way;
  std::string_view reason{};       // why float32
  std::uint32_t float_inputs = 0;  // a bit an input: no data, always float32
};

constexpr std::string_view kSums = "sums overflow";
constexpr std::string_view kExponentials = "exponentials overflow";
constexpr std::string_view kQuotients = "quotients overflow";
constexpr std::string_view kOrder = "rounding changes which is larger";
constexpr std::string_view kCoordinates = "coordinates need more bits";
constexpr std::string_view kRecurrent = "errors add up over time steps";

// By name, for the binary search.
constexpr std::array kRules{
    OperatorRule{"Abs", Way::kHalf},
    OperatorRule{"Add", Way::kHalf},
    OperatorRule{"ArgMax", Way::kFloat, kOrder},
    OperatorRule{"ArgMin", Way::kFloat, kOrder},
    OperatorRule{"AveragePool", Way::kHalf},
    OperatorRule{"BatchNormalization", Way::kHalf},
    OperatorRule{"Cast", Way::kEither},
    OperatorRule{"Ceil", Way::kHalf},
    OperatorRule{"Celu", Way::kHalf},
    OperatorRule{"Clip", Way::kHalf},
    OperatorRule{"Concat", Way::kMoves},
    OperatorRule{"ConstantOfShape", Way::kEither},
    OperatorRule{"Conv", Way::kHalf},
    OperatorRule{"ConvTranspose", Way::kHalf},
    OperatorRule{"CumSum", Way::kFloat, kSums},
    OperatorRule{"DepthToSpace", Way::kMoves},
    OperatorRule{"DequantizeLinear", Way::kDequantize},
    OperatorRule{"Div", Way::kFloat, kQuotients},
    OperatorRule{"Dropout", Way::kMoves, {}, 0b10},
    OperatorRule{"Elu", Way::kHalf},
    OperatorRule{"Equal", Way::kFloat, kOrder},
    OperatorRule{"Erf", Way::kHalf},
    OperatorRule{"Exp", Way::kFloat, kExponentials},
    OperatorRule{"Expand", Way::kMoves},
    OperatorRule{"Flatten", Way::kMoves},
    OperatorRule{"Floor", Way::kHalf},
    OperatorRule{"GRU", Way::kFloat, kRecurrent},
    OperatorRule{"Gather", Way::kMoves},
    OperatorRule{"GatherElements", Way::kMoves},
    OperatorRule{"GatherND", Way::kMoves},
    OperatorRule{"Gemm", Way::kHalf},
    OperatorRule{"GlobalAveragePool", Way::kFloat, kSums},
    OperatorRule{"GlobalLpPool", Way::kFloat, kSums},
    OperatorRule{"GlobalMaxPool", Way::kHalf},
    OperatorRule{"Greater", Way::kFloat, kOrder},
    OperatorRule{"GreaterOrEqual", Way::kFloat, kOrder},
    OperatorRule{"GridSample", Way::kFloat, kCoordinates},
    OperatorRule{"GroupNormalization", Way::kFloat, kSums},
    OperatorRule{"HardSigmoid", Way::kHalf},
    OperatorRule{"HardSwish", Way::kHalf},
    OperatorRule{"Identity", Way::kMoves},
    OperatorRule{"InstanceNormalization", Way::kFloat, kSums},
    OperatorRule{"LRN", Way::kFloat, kSums},
    OperatorRule{"LSTM", Way::kFloat, kRecurrent},
    OperatorRule{"LayerNormalization", Way::kFloat, kSums},
    OperatorRule{"LeakyRelu", Way::kHalf},
    OperatorRule{"Less", Way::kFloat, kOrder},
    OperatorRule{"LessOrEqual", Way::kFloat, kOrder},
    OperatorRule{"LogSoftmax", Way::kFloat, kExponentials},
    OperatorRule{"LpNormalization", Way::kFloat, kSums},
    OperatorRule{"LpPool", Way::kFloat, kSums},
    OperatorRule{"MatMul", Way::kHalf},
    OperatorRule{"Max", Way::kHalf},
    OperatorRule{"MaxPool", Way::kMoves},
    OperatorRule{"MeanVarianceNormalization", Way::kFloat, kSums},
    OperatorRule{"Min", Way::kHalf},
    OperatorRule{"Mul", Way::kHalf},
    OperatorRule{"Neg", Way::kHalf},
    OperatorRule{"NonMaxSuppression", Way::kFloat, kOrder},
    OperatorRule{"PRelu", Way::kHalf},
    OperatorRule{"Pad", Way::kMoves},
    OperatorRule{"Pow", Way::kFloat, kExponentials},
    OperatorRule{"QuantizeLinear", Way::kQuantize},
    OperatorRule{"RNN", Way::kFloat, kRecurrent},
    OperatorRule{"Range", Way::kFloat, kCoordinates},
    OperatorRule{"Reciprocal", Way::kFloat, kQuotients},
    OperatorRule{"ReduceL1", Way::kFloat, kSums},
    OperatorRule{"ReduceL2", Way::kFloat, kSums},
    OperatorRule{"ReduceLogSum", Way::kFloat, kSums},
    OperatorRule{"ReduceLogSumExp", Way::kFloat, kExponentials},
    OperatorRule{"ReduceMax", Way::kHalf},
    OperatorRule{"ReduceMean", Way::kFloat, kSums},
    OperatorRule{"ReduceMin", Way::kHalf},
    OperatorRule{"ReduceProd", Way::kFloat, kSums},
    OperatorRule{"ReduceSum", Way::kFloat, kSums},
    OperatorRule{"ReduceSumSquare", Way::kFloat, kSums},
    OperatorRule{"Relu", Way::kHalf},
    OperatorRule{"Reshape", Way::kMoves},
    OperatorRule{"Resize", Way::kHalf, {}, 0b110},  // roi and scales (opset 10: scales in the first's place)
    OperatorRule{"RoiAlign", Way::kFloat, kCoordinates},
    OperatorRule{"Round", Way::kHalf},
    OperatorRule{"ScatterElements", Way::kMoves},
    OperatorRule{"ScatterND", Way::kMoves},
    OperatorRule{"Selu", Way::kHalf},
    OperatorRule{"Shape", Way::kEither},
    OperatorRule{"Sigmoid", Way::kHalf},
    OperatorRule{"Sign", Way::kHalf},
    OperatorRule{"Size", Way::kEither},
    OperatorRule{"Slice", Way::kMoves},
    OperatorRule{"Softmax", Way::kFloat, kExponentials},
    OperatorRule{"Softplus", Way::kFloat, kExponentials},
    OperatorRule{"Softsign", Way::kFloat, kQuotients},
    OperatorRule{"SpaceToDepth", Way::kMoves},
    OperatorRule{"Split", Way::kMoves},
    OperatorRule{"Sqrt", Way::kHalf},
    OperatorRule{"Squeeze", Way::kMoves},
    OperatorRule{"Sub", Way::kHalf},
    OperatorRule{"Sum", Way::kHalf},
    OperatorRule{"Tanh", Way::kHalf},
    OperatorRule{"ThresholdedRelu", Way::kHalf},
    OperatorRule{"Tile", Way::kMoves},
    OperatorRule{"TopK", Way::kFloat, kOrder},
    OperatorRule{"Transpose", Way::kMoves},
    OperatorRule{"Unsqueeze", Way::kMoves},
    OperatorRule{"Upsample", Way::kHalf, {}, 0b10},
    OperatorRule{"Where", Way::kMoves},
};
static_assert(std::ranges::is_sorted(kRules, {}, &OperatorRule::op));

OperatorRule rule_of(const NodeProto& node) {
  constexpr OperatorRule kPlugin{"", Way::kFloat, "a plugin reads and makes float32"};
  constexpr OperatorRule kUnknown{"", Way::kFloat, "nothing is known of this operator in half precision"};
  if (is_plugin_node(node)) return kPlugin;
  if (!node.domain().empty() && node.domain() != "ai.onnx") return kUnknown;
  const auto rule = std::ranges::lower_bound(kRules, std::string_view(node.op_type()), {}, &OperatorRule::op);
  return rule != kRules.end() && rule->op == node.op_type() ? *rule : kUnknown;
}

// No number overflows, and the largest has all of half precision's bits.
bool fits_half(const TensorProto& tensor) {
  float largest = 0;
  for (const float value : float_values(tensor))
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  return largest == 0 || (largest >= kSmallestNormalHalf && largest <= kLargestHalf);
}

bool scale_fits_half(const TensorProto& tensor) {
  return std::ranges::all_of(float_values(tensor), [](float scale) {
    return std::abs(rounded_to_half(scale) - scale) <= kScaleTolerance * std::abs(scale);
  });
}

std::string half_bytes(const TensorProto& tensor) {
  const std::vector<float> values = float_values(tensor);
  std::string bytes(values.size() * sizeof(std::uint16_t), '\0');
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t bits = half_bits(values[i]);
    std::memcpy(bytes.data() + i * sizeof bits, &bits, sizeof bits);
  }
  return bytes;
}

void become_half(TensorProto& tensor) {
  std::string bytes = half_bytes(tensor);
  tensor.clear_float_data();
  tensor.set_data_type(TensorProto::FLOAT16);
  *tensor.mutable_raw_data() = std::move(bytes);
}

void refuse_unfit_models(const ModelProto& model) {
  if (const auto opset = opset_of(model); opset < kOldestOpset)
    throw Error(Kind::kUnsupported,
                fmt::format("the model has opset {}, half precision needs {} or later", opset, kOldestOpset),
                "export the trained model with etalon, or raise the opset with onnx's version_converter");
  for (const auto& tensor : model.graph().initializer())
    if (tensor.data_type() == TensorProto::FLOAT16)
      throw Error(Kind::kUnsupported,
                  fmt::format("the model has half floats already: initializer '{}'", escaped(tensor.name())),
                  "give the model in float32 that it was made from");
  for (const auto& node : model.graph().node())
    for (const auto& attribute : node.attribute())
      if (attribute.has_g() || attribute.graphs_size() > 0)
        throw Error(
            Kind::kUnsupported,
            fmt::format("node '{}' ({}) has a graph inside", escaped(node.name()), escaped(node.op_type())),
            "half precision of If, Loop and Scan is not there; --explicit int8 is");
}

class Converter {
 public:
  Converter(ModelProto& model, const HalfOptions& options)
      : model_(model),
        graph_(*model.mutable_graph()),
        options_(options),
        index_(graph_),
        types_(tensor_types(graph_)),
        names_(graph_) {}

  std::vector<KeptFloat> run() {
    classify();
    note_needs();
    convert_constants();
    rewrite();
    correct_types();
    if (half_scales_) raise_opset_to_19(model_);
    return std::move(kept_);
  }

 private:
  struct Node {
    OperatorRule rule;
    Form form = Form::kFloat;
  };
  struct Needs {
    bool as_float = false, as_half = false;
  };

  bool is_float(const std::string& tensor) const {
    const auto type = types_.find(tensor);
    return !tensor.empty() && type != types_.end() && type->second == TensorProto::FLOAT;
  }
  const TensorProto* constant(const std::string& tensor) const {
    const auto at = index_.initializer(tensor);
    return at ? &graph_.initializer(*at) : nullptr;
  }
  // Float tensors that the node reads as data.
  static bool is_data(const Node& node, int input) {
    return input >= 32 || !(node.rule.float_inputs >> input & 1U);
  }

  bool makes_floats(const NodeProto& node) const {
    return std::ranges::any_of(node.output(), [&](const auto& name) { return is_float(name); });
  }
  bool touches_floats(const NodeProto& node) const {
    return makes_floats(node) ||
           std::ranges::any_of(node.input(), [&](const auto& name) { return is_float(name); });
  }

  const TensorProto* scale_of(const NodeProto& node) const {
    return node.input_size() > 1 && is_float(node.input(1)) ? constant(node.input(1)) : nullptr;
  }

  bool constant_fits(const std::string& name) {
    const auto known = fits_.find(name);
    if (known != fits_.end()) return known->second;
    return fits_[name] = fits_half(*constant(name));
  }

  // Why a node that could be in half precision is not; empty: it can.
  std::string obstacle(const NodeProto& proto, const Node& node) {
    for (const auto& name : proto.output())
      if (is_unranged(name, options_.keep_float)) return "part of the network's post-processing";
    const auto too_large = [&](const std::string& name) {
      const auto range = options_.ranges.find(name);
      return range != options_.ranges.end() && !(range->second <= kLargestRange);
    };
    for (const auto& name : proto.output())
      if (too_large(name)) return fmt::format("'{}' comes near the largest half float", escaped(name));
    if (node.rule.way == Way::kDequantize || node.rule.way == Way::kQuantize) {
      const TensorProto* scale = scale_of(proto);
      if (!scale) return "its scale is no constant";
      if (!scale_fits_half(*scale)) return "its scale is too small for half precision";
      if (node.rule.way == Way::kDequantize) return {};
    }
    for (int i = 0; i < proto.input_size(); ++i) {
      const std::string& name = proto.input(i);
      if (!is_float(name) || !is_data(node, i)) continue;
      if (too_large(name)) return fmt::format("'{}' comes near the largest half float", escaped(name));
      if (unfit_scales_.contains(name))
        return fmt::format("the scale of '{}' is too small for half precision", escaped(name));
      if (node.rule.way != Way::kQuantize && constant(name) && !constant_fits(name))
        return fmt::format("its constant '{}' does not fit half precision", escaped(name));
    }
    return {};
  }

  void keep_float(const NodeProto& node, std::string reason) {
    const std::string name = node.output_size() > 0 ? node.output(0) : node.name();
    kept_.push_back({name, std::move(reason)});
  }

  void classify() {
    std::unordered_set<std::string_view> halves;
    nodes_.reserve(static_cast<std::size_t>(graph_.node_size()));
    for (const auto& proto : graph_.node()) {
      Node& node = nodes_.emplace_back(Node{rule_of(proto)});
      if (!touches_floats(proto) || node.rule.way == Way::kEither) continue;
      if (node.rule.way == Way::kFloat) {
        keep_float(proto, std::string(node.rule.reason));
        continue;
      }
      if (node.rule.way == Way::kMoves && !moves_halves(proto, node, halves)) continue;
      if (std::string reason = obstacle(proto, node); !reason.empty()) {
        if (node.rule.way == Way::kDequantize)
          unfit_scales_.insert(proto.output().begin(), proto.output().end());
        else
          keep_float(proto, std::move(reason));
        continue;
      }
      node.form = Form::kHalf;
      for (const auto& output : proto.output())
        if (is_float(output)) halves.insert(output);
    }
  }

  bool moves_halves(const NodeProto& proto, const Node& node,
                    const std::unordered_set<std::string_view>& halves) const {
    for (int i = 0; i < proto.input_size(); ++i)
      if (is_data(node, i) && halves.contains(proto.input(i))) return true;
    return false;
  }

  // The form in which a node reads an input; nullopt: whatever there is, or no float at all.
  std::optional<Form> wanted(const NodeProto& proto, const Node& node, int input) const {
    if (!is_float(proto.input(input)) || node.rule.way == Way::kEither) return std::nullopt;
    return is_data(node, input) ? node.form : Form::kFloat;
  }

  void note_needs() {
    for (const auto& output : graph_.output()) needs_[output.name()].as_float = true;
    for (int i = 0; i < graph_.node_size(); ++i) {
      const Node& node = nodes_[static_cast<std::size_t>(i)];
      if (node.rule.way == Way::kDequantize) continue;  // below, by who reads it
      for (int k = 0; k < graph_.node(i).input_size(); ++k)
        note(graph_.node(i).input(k), wanted(graph_.node(i), node, k), node);
    }
    for (int i = 0; i < graph_.node_size(); ++i) {
      const NodeProto& proto = graph_.node(i);
      if (nodes_[static_cast<std::size_t>(i)].rule.way != Way::kDequantize || proto.input_size() < 2 ||
          !is_float(proto.input(1)))
        continue;
      const Needs forms = dequantized_forms(proto, nodes_[static_cast<std::size_t>(i)]);
      if (forms.as_half) needs_[proto.input(1)].as_half = true;
      if (forms.as_float) needs_[proto.input(1)].as_float = true;
    }
  }
  void note(const std::string& tensor, std::optional<Form> form, const Node& node) {
    if (!form) {
      // A constant that is cast or measured stays what it is.
      if (node.rule.way == Way::kEither && index_.initializer(tensor)) needs_[tensor].as_float = true;
      return;
    }
    (*form == Form::kHalf ? needs_[tensor].as_half : needs_[tensor].as_float) = true;
  }

  // Which of its two forms a DequantizeLinear is to make.
  Needs dequantized_forms(const NodeProto& proto, const Node& node) const {
    Needs forms;
    for (const auto& output : proto.output())
      if (const auto needs = needs_.find(output); needs != needs_.end()) {
        forms.as_float = forms.as_float || needs->second.as_float;
        forms.as_half = forms.as_half || needs->second.as_half;
      }
    if (node.form == Form::kFloat) return {true, false};
    if (!forms.as_float) forms.as_half = true;  // nobody, or only who takes either
    return forms;
  }

  void convert_constants() {
    std::unordered_set<std::string> no_inputs;
    const int count = graph_.initializer_size();
    for (int i = 0; i < count; ++i) {
      TensorProto& tensor = *graph_.mutable_initializer(i);
      const std::string name = tensor.name();
      if (tensor.data_type() != TensorProto::FLOAT) continue;
      const auto needs = needs_.find(name);
      auto& forms = forms_[name];
      if (needs == needs_.end() || !needs->second.as_half) {
        forms.as_float = name;
      } else if (!needs->second.as_float) {
        become_half(tensor);
        forms.as_half = name;
        no_inputs.insert(name);
      } else {
        forms.as_float = name;
        TensorProto half = tensor;
        become_half(half);
        half.set_name(names_.take(name + "/half"));
        forms.as_half = half.name();
        *graph_.add_initializer() = std::move(half);
      }
    }
    // Before IR 4 initializers are inputs too; a constant in half precision is none, whose type would differ.
    auto& inputs = *graph_.mutable_input();
    inputs.erase(std::remove_if(inputs.begin(), inputs.end(),
                                [&](const auto& input) { return no_inputs.contains(input.name()); }),
                 inputs.end());
    model_.set_ir_version(std::max<std::int64_t>(model_.ir_version(), 4));
  }

  // The name of a tensor in a form, with a Cast if it has it not yet.
  std::string in_form(const std::string& tensor, Form form) {
    auto& forms = forms_[tensor];
    std::string& name = form == Form::kHalf ? forms.as_half : forms.as_float;
    if (!name.empty()) return name;
    const std::string& other = form == Form::kHalf ? forms.as_float : forms.as_half;
    const std::string source = other.empty() ? tensor : other;  // a sparse constant
    name = names_.take(tensor + (form == Form::kHalf ? "/half" : "/float"));
    add_cast(source, name, name, form);
    return name;
  }

  void add_cast(const std::string& from, const std::string& to, const std::string& name, Form form) {
    NodeProto& cast = written_.emplace_back();
    cast.set_op_type("Cast");
    cast.add_input(from);
    cast.add_output(to);
    cast.set_name(name);
    AttributeProto& type = *cast.add_attribute();
    type.set_name("to");
    type.set_type(AttributeProto::INT);
    type.set_i(form == Form::kHalf ? TensorProto::FLOAT16 : TensorProto::FLOAT);
  }

  void rewrite() {
    for (const auto* input : data_inputs(graph_)) forms_[input->name()].as_float = input->name();
    for (int i = 0; i < graph_.node_size(); ++i) {
      const Node& node = nodes_[static_cast<std::size_t>(i)];
      NodeProto proto = std::move(*graph_.mutable_node(i));
      if (node.rule.way == Way::kDequantize && proto.input_size() > 1 && proto.output_size() == 1 &&
          is_float(proto.output(0))) {
        write_dequantize(proto, node);
        continue;
      }
      for (int k = 0; k < proto.input_size(); ++k) {
        const std::string name = proto.input(k);
        if (const auto form = wanted(proto, node, k))
          proto.set_input(k, in_form(name, *form));
        else if (is_float(name))
          proto.set_input(k, in_any_form(name));
      }
      if (node.rule.way == Way::kQuantize && node.form == Form::kHalf) half_scales_ = true;
      std::vector<std::string> to_cast;
      for (auto& output : *proto.mutable_output()) {
        if (!is_float(output)) continue;
        auto& forms = forms_[output];
        if (node.form == Form::kFloat) {
          forms.as_float = output;
        } else if (!index_.is_graph_output(output)) {
          forms.as_half = output;
        } else {
          to_cast.push_back(output);
          forms.as_float = output;
          forms.as_half = names_.take(output + "/half");
          output = forms.as_half;
        }
      }
      written_.push_back(std::move(proto));
      for (const auto& output : to_cast)
        add_cast(forms_[output].as_half, output, names_.take(output + "/cast"), Form::kFloat);
    }
    graph_.clear_node();
    for (auto& node : written_) *graph_.add_node() = std::move(node);
  }

  std::string in_any_form(const std::string& tensor) {
    const auto forms = forms_.find(tensor);
    if (forms == forms_.end()) return tensor;
    if (!forms->second.as_float.empty()) return forms->second.as_float;
    return forms->second.as_half.empty() ? tensor : forms->second.as_half;
  }

  void write_dequantize(const NodeProto& proto, const Node& node) {
    const std::string output = proto.output(0);
    const Needs made = dequantized_forms(proto, node);
    const auto write = [&](Form form, const std::string& name) {
      NodeProto copy = proto;
      copy.set_input(1, in_form(proto.input(1), form));
      copy.set_output(0, name);
      if (name != output) copy.set_name(name);
      written_.push_back(std::move(copy));
      (form == Form::kHalf ? forms_[output].as_half : forms_[output].as_float) = name;
      half_scales_ = half_scales_ || form == Form::kHalf;
    };
    const bool float_has_name = index_.is_graph_output(output) || !made.as_half;
    if (made.as_half) write(Form::kHalf, float_has_name ? names_.take(output + "/half") : output);
    if (made.as_float) write(Form::kFloat, float_has_name ? output : names_.take(output + "/float"));
  }

  // value_info of the tensors that are half floats now.
  void correct_types() {
    for (auto& value : *graph_.mutable_value_info()) {
      const auto forms = forms_.find(value.name());
      if (forms != forms_.end() && forms->second.as_half == value.name() && value.type().has_tensor_type())
        value.mutable_type()->mutable_tensor_type()->set_elem_type(TensorProto::FLOAT16);
    }
  }

  struct Names {
    std::string as_float, as_half;  // empty: not there
  };

  ModelProto& model_;
  GraphProto& graph_;
  const HalfOptions& options_;
  GraphIndex index_;
  std::unordered_map<std::string, int> types_;
  FreshNames names_;
  std::vector<Node> nodes_;
  std::unordered_set<std::string> unfit_scales_;  // what DequantizeLinear makes in float32 only
  std::unordered_map<std::string, bool> fits_;
  std::unordered_map<std::string, Needs> needs_;
  std::unordered_map<std::string, Names> forms_;
  std::vector<NodeProto> written_;
  std::vector<KeptFloat> kept_;
  bool half_scales_ = false;
};

}  // namespace

HalfPrecision make_half_precision(const ModelProto& model, const HalfOptions& options) {
  refuse_unfit_models(model);
  HalfPrecision made{model, {}};
  hoist_constants(made.model);
  made.kept_float = Converter(made.model, options).run();
  return made;
}

}  // namespace etalon
