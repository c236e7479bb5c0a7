#include "etalon/quantization/side_by_side.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

constexpr std::int64_t kAxesAreAnInput = 18;  // of ReduceMean, from this opset on

const ValueInfoProto& only_input(const ModelProto& model) {
  const auto inputs = data_inputs(model.graph());
  if (inputs.size() != 1)
    throw Error(Kind::kBadInput, fmt::format("the network has {} inputs, expected 1", inputs.size()));
  return *inputs.front();
}

// Gives tensors other names wherever they are read, in subgraphs too.
void rename_inputs(NodeProto& node, const std::unordered_map<std::string, std::string>& names);

void rename_inputs(GraphProto& graph, const std::unordered_map<std::string, std::string>& names) {
  for (NodeProto& node : *graph.mutable_node()) rename_inputs(node, names);
  for (ValueInfoProto& output : *graph.mutable_output())
    if (const auto found = names.find(output.name()); found != names.end()) output.set_name(found->second);
}

void rename_inputs(NodeProto& node, const std::unordered_map<std::string, std::string>& names) {
  for (std::string& input : *node.mutable_input())
    if (const auto found = names.find(input); found != names.end()) input = found->second;
  for (AttributeProto& attribute : *node.mutable_attribute()) {
    if (attribute.has_g()) rename_inputs(*attribute.mutable_g(), names);
    for (GraphProto& graph : *attribute.mutable_graphs()) rename_inputs(graph, names);
  }
}

}  // namespace

SideBySide::SideBySide(const ModelProto& exact, const ModelProto& quantized)
    : model_(quantized), names_(quantized.graph()) {
  for (const auto& imported : quantized.opset_import())
    if (const auto other = opset_of(exact, imported.domain()); other != 0 && other != imported.version())
      throw Error(Kind::kUnsupported, fmt::format("the models have opsets {} and {}, expected the same",
                                                  other, imported.version()));
  const std::string input = only_input(exact).name();
  if (only_input(quantized).name() != input)
    throw Error(Kind::kBadInput, fmt::format("the networks' inputs are called '{}' and '{}'", escaped(input),
                                             escaped(only_input(quantized).name())));
  GraphProto& graph = *model_.mutable_graph();

  exact_[input] = input;
  for (const auto& tensor : exact.graph().initializer()) {
    TensorProto& copy = *graph.add_initializer();
    copy = tensor;
    copy.set_name(exact_[tensor.name()] = names_.take("exact/" + tensor.name()));
  }
  for (const auto& node : exact.graph().node())
    for (const auto& output : node.output())
      if (!output.empty()) exact_[output] = names_.take("exact/" + output);
  for (const NodeProto& node : exact.graph().node()) {
    NodeProto& copy = nodes_.emplace_back(node);
    copy.set_name("exact/" + node.name());
    rename_inputs(copy, exact_);
    for (std::string& output : *copy.mutable_output())
      if (!output.empty()) output = exact_.at(output);
    if (node.output_size() == 1) exact_biases_[node.output(0)] = copy.input_size() > 2 ? copy.input(2) : "";
  }
  for (NodeProto& node : *graph.mutable_node()) {
    for (const auto& output : node.output())
      if (!output.empty()) producers_[output] = nodes_.size();
    nodes_.push_back(std::move(node));
  }
  place_ = nodes_.size();
  graph.clear_node();
  graph.clear_output();
  graph.clear_value_info();
}

const std::string& SideBySide::exact(const std::string& tensor) const {
  const auto found = exact_.find(tensor);
  if (found == exact_.end())
    throw Error(Kind::kBadInput, fmt::format("the network has no tensor '{}'", escaped(tensor)));
  return found->second;
}

bool SideBySide::both_have(const std::string& tensor) const {
  return exact_.contains(tensor) && producers_.contains(tensor);
}

NodeProto& SideBySide::append(std::string_view op, std::initializer_list<std::string> inputs,
                              const std::string& output) {
  NodeProto& node = behind_[place_].emplace_back();
  node.set_op_type(std::string(op));
  for (const auto& input : inputs) node.add_input(input);
  node.add_output(output);
  node.set_name(output);
  return node;
}

std::string SideBySide::add(std::string_view op, std::initializer_list<std::string> inputs,
                            const std::string& output) {
  return append(op, inputs, names_.take(output)).output(0);
}

std::string SideBySide::mean(const std::string& tensor, const std::vector<std::int64_t>& axes,
                             const std::string& output) {
  NodeProto& node = append("ReduceMean", {tensor}, names_.take(output));
  AttributeProto& keep = *node.add_attribute();
  keep.set_name("keepdims");
  keep.set_type(AttributeProto::INT);
  keep.set_i(axes.empty() ? 0 : 1);
  if (axes.empty()) return node.output(0);
  if (opset_of(model_) >= kAxesAreAnInput) {
    TensorProto& constant = *model_.mutable_graph()->add_initializer();
    constant.set_name(names_.take(output + "/axes"));
    constant.set_data_type(TensorProto::INT64);
    constant.add_dims(static_cast<std::int64_t>(axes.size()));
    for (const auto axis : axes) constant.add_int64_data(axis);
    node.add_input(constant.name());
  } else {
    AttributeProto& over = *node.add_attribute();
    over.set_name("axes");
    over.set_type(AttributeProto::INTS);
    for (const auto axis : axes) over.add_ints(axis);
  }
  return node.output(0);
}

std::string SideBySide::cast_to_float(const std::string& tensor, const std::string& output) {
  NodeProto& node = append("Cast", {tensor}, names_.take(output));
  AttributeProto& to = *node.add_attribute();
  to.set_name("to");
  to.set_type(AttributeProto::INT);
  to.set_i(TensorProto::FLOAT);
  return node.output(0);
}

std::string SideBySide::squares_mean(const std::string& tensor, const std::string& output) {
  return mean(add("Mul", {tensor, tensor}, output + "/squares"), {}, output);
}

void SideBySide::output(const std::string& tensor) {
  ValueInfoProto& value = *model_.mutable_graph()->add_output();
  value.set_name(tensor);
  value.mutable_type()->mutable_tensor_type()->set_elem_type(TensorProto::FLOAT);
}

const NodeProto& SideBySide::quantized_node(const std::string& tensor) const {
  const auto found = producers_.find(tensor);
  if (found == producers_.end())
    throw Error(Kind::kBadInput, fmt::format("no node of the quantised network makes '{}'", escaped(tensor)));
  return nodes_[found->second];
}

std::string SideBySide::move_aside(const std::string& tensor) {
  quantized_node(tensor);
  place_ = producers_.at(tensor);
  const std::string aside = names_.take(tensor + "/aside");
  for (std::string& output : *nodes_[place_].mutable_output())
    if (output == tensor) output = aside;
  return aside;
}

void SideBySide::replace(const std::string& tensor, std::string_view op,
                         std::initializer_list<std::string> inputs) {
  append(op, inputs, tensor);
}

std::string SideBySide::layer_alone(const std::string& tensor) {
  // The nodes between tensors that both networks have and this layer's data input: they round.
  std::vector<std::size_t> rounding;
  std::vector<std::string> wanted{quantized_node(tensor).input_size() > 0 ? quantized_node(tensor).input(0)
                                                                          : std::string()};
  std::unordered_set<std::string> met;
  while (!wanted.empty()) {
    const std::string name = std::move(wanted.back());
    wanted.pop_back();
    const auto producer = producers_.find(name);
    if (exact_.contains(name) || producer == producers_.end() || !met.insert(name).second) continue;
    rounding.push_back(producer->second);
    const auto& inputs = nodes_[producer->second].input();
    wanted.insert(wanted.end(), inputs.begin(), inputs.end());
  }
  std::ranges::sort(rounding);
  rounding.erase(std::unique(rounding.begin(), rounding.end()), rounding.end());

  place_ = nodes_.size();
  std::unordered_map<std::string, std::string> renamed;
  const auto copy_of = [&](std::size_t position) {
    NodeProto copy = nodes_[position];
    for (std::string& input : *copy.mutable_input())
      if (const auto made = renamed.find(input); made != renamed.end())
        input = made->second;
      else if (producers_.contains(input) && exact_.contains(input))
        input = exact_.at(input);
    for (std::string& output : *copy.mutable_output())
      if (!output.empty()) output = renamed[output] = names_.take(output + "/alone");
    copy.set_name(copy.output(0));
    return copy;
  };
  for (const std::size_t position : rounding) behind_[place_].push_back(copy_of(position));
  NodeProto layer = copy_of(producers_.at(tensor));
  if (const auto bias = exact_biases_.find(tensor); bias != exact_biases_.end()) {
    while (layer.input_size() > 2) layer.mutable_input()->RemoveLast();
    if (!bias->second.empty()) layer.add_input(bias->second);
  }
  behind_[place_].push_back(std::move(layer));
  return renamed.at(tensor);
}

ModelProto SideBySide::model() && {
  GraphProto& graph = *model_.mutable_graph();
  for (std::size_t i = 0; i <= nodes_.size(); ++i) {
    if (i < nodes_.size()) *graph.add_node() = std::move(nodes_[i]);
    for (NodeProto& node : behind_[i]) *graph.add_node() = std::move(node);
  }
  return std::move(model_);
}

}  // namespace etalon
