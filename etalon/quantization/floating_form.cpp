#include "etalon/quantization/floating_form.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/base/half.hpp"
#include "etalon/onnx/fresh_names.hpp"
#include "etalon/onnx/graph_index.hpp"

namespace etalon {
namespace {

constexpr std::int64_t kOldestOpset = 11;  // Round, and Clip with its limits as inputs

// What QuantizeLinear may round to.
struct Steps {
  std::int64_t type;  // TensorProto::DataType
  float lowest, highest;
};
constexpr Steps kSteps[] = {{TensorProto::INT8, -128, 127},
                            {TensorProto::UINT8, 0, 255},
                            {TensorProto::INT16, -32768, 32767},
                            {TensorProto::UINT16, 0, 65535}};

const Steps* steps_of(std::int64_t type) {
  const auto* found = std::ranges::find(kSteps, type, &Steps::type);
  return found == std::end(kSteps) ? nullptr : found;
}

bool is(const NodeProto& node, std::string_view op) {
  return node.op_type() == op &&
         (node.domain().empty() || node.domain() == "ai.onnx" || node.domain() == "com.microsoft");
}
bool quantizes(const NodeProto& node) { return is(node, "QuantizeLinear"); }
bool dequantizes(const NodeProto& node) { return is(node, "DequantizeLinear"); }

template <class Stored>
std::vector<double> whole_numbers(const TensorProto& tensor) {
  const std::uint64_t count = element_count(tensor);
  const bool raw = tensor.has_raw_data();
  const std::uint64_t have =
      raw ? tensor.raw_data().size() : static_cast<std::uint64_t>(tensor.int32_data_size());
  if (have != (raw ? count * sizeof(Stored) : count))
    throw Error(Kind::kBadInput,
                fmt::format("initializer '{}' does not have as many numbers as its shape says",
                            escaped(tensor.name())));
  std::vector<double> values(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    Stored value;
    if (raw)
      std::memcpy(&value, tensor.raw_data().data() + i * sizeof(Stored), sizeof(Stored));
    else
      value = static_cast<Stored>(tensor.int32_data(static_cast<int>(i)));
    values[i] = static_cast<double>(value);
  }
  return values;
}

// The numbers of an initializer of any type that quantising knows; in double, which holds them all exactly.
std::vector<double> exact_values(const TensorProto& tensor) {
  switch (tensor.data_type()) {
    case TensorProto::INT8:
      return whole_numbers<std::int8_t>(tensor);
    case TensorProto::UINT8:
      return whole_numbers<std::uint8_t>(tensor);
    case TensorProto::INT16:
      return whole_numbers<std::int16_t>(tensor);
    case TensorProto::UINT16:
      return whole_numbers<std::uint16_t>(tensor);
    case TensorProto::INT32:
      return whole_numbers<std::int32_t>(tensor);
    case TensorProto::FLOAT:
    case TensorProto::FLOAT16: {
      const std::vector<float> values = float_values(tensor);
      return {values.begin(), values.end()};
    }
    default:
      throw Error(Kind::kUnsupported,
                  fmt::format("'{}' has the type {}, which this program does not compute with",
                              escaped(tensor.name()), TensorProto::DataType_Name(tensor.data_type())));
  }
}

// One QuantizeLinear's or DequantizeLinear's way between real values and steps.
struct Grid {
  TensorProto::DataType real;       // FLOAT or FLOAT16: the type of its scales
  std::vector<float> scales;        // one, or one an entry of `axis`
  std::vector<double> zero_points;  // as many
  std::int64_t axis = 0;
  Steps steps{};  // of QuantizeLinear
};

class Rewriter {
 public:
  // `graph` is a copy of `source`, which stays as it is.
  Rewriter(const GraphProto& source, GraphProto& graph) : graph_(graph), names_(source) {
    for (const auto& input : source.input()) inputs_.insert(input.name());
    for (const auto& tensor : source.initializer()) constants_[tensor.name()] = &tensor;
    for (const auto& node : source.node()) {
      const AttributeProto* value = is(node, "Constant") ? find_attribute(node, "value") : nullptr;
      if (value != nullptr && value->has_t() && node.output_size() == 1)
        constants_[node.output(0)] = &value->t();
    }
  }

  void rewrite() {
    std::vector<NodeProto> nodes(graph_.node_size());
    for (int i = 0; i < graph_.node_size(); ++i) nodes[i] = std::move(*graph_.mutable_node(i));
    graph_.clear_node();
    for (NodeProto& node : nodes) {
      if (quantizes(node) || dequantizes(node))
        within([&] { return fmt::format("{} '{}'", node.op_type(), escaped(node.name())); },
               [&] { replace(node); });
      else
        *graph_.add_node() = std::move(node);
    }
    drop_unused();
    // What were whole numbers are real numbers now.
    for (auto* values : {graph_.mutable_value_info(), graph_.mutable_output()})
      for (ValueInfoProto& value : *values)
        if (const auto type = retyped_.find(value.name()); type != retyped_.end())
          value.mutable_type()->mutable_tensor_type()->set_elem_type(type->second);
  }

 private:
  void replace(const NodeProto& node) {
    if (node.input_size() < 2 || node.output_size() != 1)
      throw Error(Kind::kBadInput,
                  fmt::format("it has {} inputs and {} outputs", node.input_size(), node.output_size()));
    for (const auto& input : node.input()) read_.insert(input);
    const Grid grid = grid_of(node);
    const std::string& from = node.input(0);
    retyped_[node.output(0)] = grid.real;
    if (const auto constant = constants_.find(from); constant != constants_.end()) {
      fold(node, grid, *constant->second);
      return;
    }
    if (dequantizes(node) && inputs_.contains(from))
      throw Error(Kind::kUnsupported, "it dequantises the network's input");
    if (grid.scales.size() != 1)
      throw Error(Kind::kUnsupported,
                  fmt::format("'{}' has {} scales, expected one", escaped(from), grid.scales.size()));
    const std::string& to = node.output(0);
    const std::string scale = number(to + "/step", grid.scales[0], grid.real);
    const std::string zero = grid.zero_points[0] == 0
                                 ? ""
                                 : number(to + "/zero", static_cast<float>(grid.zero_points[0]), grid.real);
    if (dequantizes(node)) {
      append("Mul", {zero.empty() ? from : append("Sub", {from, zero}, names_.take(to + "/steps")), scale},
             to);
      return;
    }
    std::string steps = append("Div", {from, scale}, names_.take(to + "/steps"));
    steps = append("Round", {steps}, names_.take(to + "/rounded"));
    if (!zero.empty()) steps = append("Add", {steps, zero}, names_.take(to + "/moved"));
    append("Clip",
           {steps, number(to + "/lowest", grid.steps.lowest, grid.real),
            number(to + "/highest", grid.steps.highest, grid.real)},
           to);
  }

  const TensorProto* constant(const NodeProto& node, int input, const char* what) const {
    if (node.input_size() <= input || node.input(input).empty()) return nullptr;
    const auto found = constants_.find(node.input(input));
    if (found == constants_.end())
      throw Error(Kind::kBadInput,
                  fmt::format("its {} '{}' is no constant", what, escaped(node.input(input))));
    return found->second;
  }

  Grid grid_of(const NodeProto& node) const {
    if (int_attribute(node, "block_size", 0) != 0)
      throw Error(Kind::kUnsupported, "it has one scale a block, expected one a channel or one in all");
    Grid grid;
    const TensorProto* scale = constant(node, 1, "scale");
    if (scale == nullptr) throw Error(Kind::kBadInput, "it has no scale");
    if (scale->data_type() != TensorProto::FLOAT && scale->data_type() != TensorProto::FLOAT16)
      throw Error(Kind::kUnsupported, fmt::format("its scale is of type {}, expected FLOAT or FLOAT16",
                                                  TensorProto::DataType_Name(scale->data_type())));
    if (scale->dims_size() > 1)
      throw Error(Kind::kUnsupported,
                  fmt::format("its scale has {} dimensions, expected one or none", scale->dims_size()));
    grid.real = static_cast<TensorProto::DataType>(scale->data_type());
    grid.scales = float_values(*scale);
    if (grid.scales.empty()) throw Error(Kind::kBadInput, "its scale is empty");
    for (const float step : grid.scales)
      if (!std::isfinite(step) || step <= 0)
        throw Error(Kind::kBadInput, fmt::format("its scale is {}, expected a positive number", step));

    const TensorProto* zero = constant(node, 2, "zero point");
    std::int64_t type = TensorProto::UINT8;  // without a zero point and without a word
    if (zero != nullptr)
      type = zero->data_type();
    else if (const std::int64_t asked = int_attribute(node, "output_dtype", 0); asked != 0)
      type = asked;
    if (quantizes(node)) {
      const Steps* steps = steps_of(type);
      if (steps == nullptr)
        throw Error(Kind::kUnsupported, "it rounds to other steps than those of 8 or 16 bits");
      grid.steps = *steps;
    }
    grid.zero_points = zero == nullptr ? std::vector<double>(grid.scales.size()) : exact_values(*zero);
    if (grid.zero_points.size() != grid.scales.size())
      throw Error(Kind::kBadInput, fmt::format("it has {} scales and {} zero points", grid.scales.size(),
                                               grid.zero_points.size()));
    grid.axis = int_attribute(node, "axis", 1);
    return grid;
  }

  // Computes what a node makes of a constant.
  void fold(const NodeProto& node, const Grid& grid, const TensorProto& from) {
    std::vector<double> values = exact_values(from);
    std::uint64_t inner = std::max<std::uint64_t>(values.size(), 1);  // numbers in a row with one scale
    if (grid.scales.size() > 1) {
      const std::int64_t rank = from.dims_size(), axis = grid.axis + (grid.axis < 0 ? rank : 0);
      if (axis < 0 || axis >= rank ||
          static_cast<std::uint64_t>(from.dims(static_cast<int>(axis))) != grid.scales.size())
        throw Error(Kind::kBadInput, fmt::format("its {} scales do not fit axis {} of '{}'",
                                                 grid.scales.size(), grid.axis, escaped(from.name())));
      inner = 1;  // element_count() has checked that all dimensions together do not overflow
      for (auto i = static_cast<int>(axis) + 1; i < rank; ++i)
        inner *= static_cast<std::uint64_t>(from.dims(i));
    }
    std::vector<float> out(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t channel = i / inner % grid.scales.size();
      const float scale = grid.scales[channel];
      const double zero = grid.zero_points[channel];
      if (dequantizes(node))
        out[i] = static_cast<float>(values[i] - zero) * scale;
      else
        out[i] = static_cast<float>(
            std::clamp(std::nearbyint(static_cast<double>(static_cast<float>(values[i]) / scale)) + zero,
                       double{grid.steps.lowest}, double{grid.steps.highest}));
    }
    TensorProto& made = *graph_.add_initializer();
    made.set_name(node.output(0));
    *made.mutable_dims() = from.dims();
    set_values(made, out, grid.real);
    constants_[made.name()] = &made;
  }

  static void set_values(TensorProto& tensor, const std::vector<float>& values, TensorProto::DataType type) {
    tensor.set_data_type(type);
    if (type == TensorProto::FLOAT) {
      tensor.mutable_raw_data()->assign(reinterpret_cast<const char*>(values.data()),
                                        values.size() * sizeof(float));
      return;
    }
    std::vector<std::uint16_t> halves(values.size());
    std::ranges::transform(values, halves.begin(), half_bits);
    tensor.mutable_raw_data()->assign(reinterpret_cast<const char*>(halves.data()),
                                      halves.size() * sizeof(std::uint16_t));
  }

  std::string number(const std::string& name, float value, TensorProto::DataType type) {
    TensorProto& tensor = *graph_.add_initializer();
    tensor.set_name(names_.take(name));
    set_values(tensor, {value}, type);
    return tensor.name();
  }

  std::string append(const char* op, const std::vector<std::string>& inputs, const std::string& output) {
    NodeProto& node = *graph_.add_node();
    node.set_op_type(op);
    for (const auto& input : inputs) node.add_input(input);
    node.add_output(output);
    node.set_name(output);
    return output;
  }

  // Takes away the constants that only the replaced nodes read.
  void drop_unused() {
    const GraphIndex index(graph_);
    const auto unused = [&](const std::string& name) {
      return read_.contains(name) && index.users(name).empty() && !index.is_graph_output(name);
    };
    auto& tensors = *graph_.mutable_initializer();
    std::unordered_set<std::string> dropped;
    for (const auto& tensor : tensors)
      if (unused(tensor.name())) dropped.insert(tensor.name());
    tensors.erase(std::remove_if(tensors.begin(), tensors.end(),
                                 [&](const TensorProto& t) { return dropped.contains(t.name()); }),
                  tensors.end());
    auto& inputs = *graph_.mutable_input();  // before IR 4 an initializer is an input as well
    inputs.erase(std::remove_if(inputs.begin(), inputs.end(),
                                [&](const ValueInfoProto& v) { return dropped.contains(v.name()); }),
                 inputs.end());
  }

  GraphProto& graph_;
  FreshNames names_;
  std::unordered_set<std::string> inputs_;
  std::unordered_map<std::string, const TensorProto*> constants_;
  std::unordered_set<std::string> read_;  // by QuantizeLinear and DequantizeLinear
  std::unordered_map<std::string, TensorProto::DataType> retyped_;
};

}  // namespace

ModelProto floating_form(const ModelProto& model) {
  const auto& nodes = model.graph().node();
  if (std::ranges::none_of(nodes, [](const NodeProto& node) { return quantizes(node) || dequantizes(node); }))
    return model;
  if (const std::int64_t opset = opset_of(model); opset < kOldestOpset)
    throw Error(Kind::kUnsupported,
                fmt::format("the model has opset {}, computing INT8 in floating point needs {} or later",
                            opset, kOldestOpset));
  ModelProto out = model;
  out.set_ir_version(std::max<std::int64_t>(out.ir_version(), 4));  // before, initializers had to be inputs
  Rewriter(model.graph(), *out.mutable_graph()).rewrite();
  return out;
}

}  // namespace etalon
