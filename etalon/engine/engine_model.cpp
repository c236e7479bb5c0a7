#include "etalon/engine/engine_model.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

EngineInput describe_input(const ValueInfoProto& value) {
  const auto shape = shape_of(value);
  if (!shape)
    throw Error(Kind::kBadInput, fmt::format("input '{}' has no shape", escaped(value.name())),
                "save the model with the shapes of its inputs");
  EngineInput input{value.name(), {}};
  for (std::size_t axis = 0; axis < shape->size(); ++axis) {
    const Dimension& size = (*shape)[axis];
    if (!size && axis > 0)
      throw Error(Kind::kUnsupported,
                  fmt::format("input '{}' leaves axis {} open, expected fixed sizes but for the batch",
                              escaped(value.name()), axis),
                  "give the model's input its size");
    if (size && *size < 1)
      throw Error(Kind::kBadInput, fmt::format("input '{}' has a side of {}", escaped(value.name()), *size));
    input.dims.push_back(size.value_or(-1));
  }
  return input;
}

bool is_half(const ValueInfoProto& value) {
  return value.type().tensor_type().elem_type() == TensorProto::FLOAT16;
}

bool casts_to_half(const NodeProto& node) {
  return node.op_type() == "Cast" &&
         std::ranges::any_of(node.attribute(), [](const AttributeProto& attribute) {
           return attribute.name() == "to" && attribute.i() == TensorProto::FLOAT16;
         });
}

bool has_half_constant(const NodeProto& node) {
  return std::ranges::any_of(node.attribute(), [](const AttributeProto& attribute) {
    return attribute.has_t() && attribute.t().data_type() == TensorProto::FLOAT16;
  });
}

}  // namespace

bool EngineModel::open_batch() const { return std::ranges::any_of(inputs, &EngineInput::open_batch); }

EngineModel describe_for_engine(const ModelProto& model) {
  EngineModel described;
  for (const ValueInfoProto* input : data_inputs(model.graph()))
    described.inputs.push_back(describe_input(*input));
  described.half = std::ranges::any_of(model.graph().input(), is_half);
  if (described.inputs.empty())
    throw Error(Kind::kBadInput, "the model has no input", "the model is damaged");
  for (const NodeProto& node : model.graph().node()) {
    described.quantized |= node.op_type() == "QuantizeLinear" || node.op_type() == "DequantizeLinear";
    described.half |= casts_to_half(node) || has_half_constant(node);
    described.plugins |= is_plugin_node(node);
  }
  described.half |= std::ranges::any_of(model.graph().initializer(), [](const TensorProto& weight) {
    return weight.data_type() == TensorProto::FLOAT16;
  });
  return described;
}

}  // namespace etalon
