#include "etalon/onnx/hoist_constants.hpp"

#include <algorithm>
#include <optional>

namespace etalon {
namespace {

std::optional<TensorProto> constant_of(const NodeProto& node) {
  if (node.op_type() != "Constant" || !(node.domain().empty() || node.domain() == "ai.onnx") ||
      node.output_size() != 1 || node.output(0).empty() || node.attribute_size() != 1)
    return std::nullopt;
  const AttributeProto& value = node.attribute(0);
  TensorProto tensor;
  if (value.name() == "value" && value.has_t()) {
    tensor = value.t();
  } else if (value.name() == "value_float") {
    tensor.set_data_type(TensorProto::FLOAT);
    tensor.add_float_data(value.f());
  } else if (value.name() == "value_int") {
    tensor.set_data_type(TensorProto::INT64);
    tensor.add_int64_data(value.i());
  } else if (value.name() == "value_floats") {
    tensor.set_data_type(TensorProto::FLOAT);
    tensor.add_dims(value.floats_size());
    *tensor.mutable_float_data() = value.floats();
  } else if (value.name() == "value_ints") {
    tensor.set_data_type(TensorProto::INT64);
    tensor.add_dims(value.ints_size());
    *tensor.mutable_int64_data() = value.ints();
  } else {
    return std::nullopt;
  }
  tensor.set_name(node.output(0));
  return tensor;
}

}  // namespace

void hoist_constants(ModelProto& model) {
  GraphProto& graph = *model.mutable_graph();
  auto& nodes = *graph.mutable_node();
  const auto kept = std::stable_partition(nodes.begin(), nodes.end(),
                                          [](const NodeProto& node) { return !constant_of(node); });
  if (kept == nodes.end()) return;
  for (auto node = kept; node != nodes.end(); ++node) *graph.add_initializer() = *constant_of(*node);
  nodes.erase(kept, nodes.end());
  model.set_ir_version(std::max<std::int64_t>(model.ir_version(), 4));
}

}  // namespace etalon
