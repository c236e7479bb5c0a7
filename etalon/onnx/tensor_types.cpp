#include "etalon/onnx/tensor_types.hpp"

#include <array>
#include <string_view>

#include "etalon/onnx/graph_index.hpp"

namespace etalon {
namespace {

// Operators whose outputs have not simply the type of their first input.
enum class Rule {
  kFixed,      // `type`
  kOfInput,    // that of input number `type`
  kAttribute,  // the attribute `to` or `dtype`, else `type`
  kValue,      // that of the attribute's tensor, else `type`
  kDeclared,   // nothing but value_info knows
};
struct TypeRule {
  std::string_view op;
  Rule rule;
  int type;
};
constexpr std::array kRules{
    TypeRule{"And", Rule::kFixed, TensorProto::BOOL},
    TypeRule{"ArgMax", Rule::kFixed, TensorProto::INT64},
    TypeRule{"ArgMin", Rule::kFixed, TensorProto::INT64},
    TypeRule{"Cast", Rule::kAttribute, TensorProto::UNDEFINED},
    TypeRule{"CastLike", Rule::kOfInput, 1},
    TypeRule{"Constant", Rule::kValue, TensorProto::UNDEFINED},
    TypeRule{"ConstantOfShape", Rule::kValue, TensorProto::FLOAT},
    TypeRule{"ConvInteger", Rule::kFixed, TensorProto::INT32},
    TypeRule{"DequantizeLinear", Rule::kOfInput, 1},
    TypeRule{"DynamicQuantizeLinear", Rule::kDeclared, TensorProto::UNDEFINED},
    TypeRule{"Equal", Rule::kFixed, TensorProto::BOOL},
    TypeRule{"EyeLike", Rule::kAttribute, TensorProto::FLOAT},
    TypeRule{"Greater", Rule::kFixed, TensorProto::BOOL},
    TypeRule{"GreaterOrEqual", Rule::kFixed, TensorProto::BOOL},
    TypeRule{"If", Rule::kDeclared, TensorProto::UNDEFINED},
    TypeRule{"IsInf", Rule::kFixed, TensorProto::BOOL},
    TypeRule{"IsNaN", Rule::kFixed, TensorProto::BOOL},
    TypeRule{"Less", Rule::kFixed, TensorProto::BOOL},
    TypeRule{"LessOrEqual", Rule::kFixed, TensorProto::BOOL},
    TypeRule{"Loop", Rule::kDeclared, TensorProto::UNDEFINED},
    TypeRule{"MatMulInteger", Rule::kFixed, TensorProto::INT32},
    TypeRule{"NonMaxSuppression", Rule::kFixed, TensorProto::INT64},
    TypeRule{"NonZero", Rule::kFixed, TensorProto::INT64},
    TypeRule{"Not", Rule::kFixed, TensorProto::BOOL},
    TypeRule{"OneHot", Rule::kOfInput, 2},
    TypeRule{"Or", Rule::kFixed, TensorProto::BOOL},
    TypeRule{"QuantizeLinear", Rule::kOfInput, 2},
    TypeRule{"RandomNormal", Rule::kAttribute, TensorProto::FLOAT},
    TypeRule{"RandomUniform", Rule::kAttribute, TensorProto::FLOAT},
    TypeRule{"Scan", Rule::kDeclared, TensorProto::UNDEFINED},
    TypeRule{"Shape", Rule::kFixed, TensorProto::INT64},
    TypeRule{"Size", Rule::kFixed, TensorProto::INT64},
    TypeRule{"Where", Rule::kOfInput, 1},
    TypeRule{"Xor", Rule::kFixed, TensorProto::BOOL},
};
// Outputs after the first that differ from it.
constexpr std::array kSecond{
    TypeRule{"Dropout", Rule::kFixed, TensorProto::BOOL},
    TypeRule{"MaxPool", Rule::kFixed, TensorProto::INT64},
    TypeRule{"TopK", Rule::kFixed, TensorProto::INT64},
    TypeRule{"Unique", Rule::kFixed, TensorProto::INT64},
};

template <std::size_t n>
const TypeRule* rule_of(const std::array<TypeRule, n>& rules, std::string_view op) {
  for (const auto& rule : rules)
    if (rule.op == op) return &rule;
  return nullptr;
}

int type_of_value(const NodeProto& node, int otherwise) {
  for (const auto& attribute : node.attribute()) {
    if (attribute.name() == "value" && attribute.has_t()) return attribute.t().data_type();
    if (attribute.name() == "value_float" || attribute.name() == "value_floats") return TensorProto::FLOAT;
    if (attribute.name() == "value_int" || attribute.name() == "value_ints") return TensorProto::INT64;
  }
  return otherwise;
}

}  // namespace

std::unordered_map<std::string, int> tensor_types(const GraphProto& graph) {
  std::unordered_map<std::string, int> types;
  std::unordered_map<std::string_view, int> declared;
  const auto declare = [&](const ValueInfoProto& value) {
    if (value.type().has_tensor_type()) declared[value.name()] = value.type().tensor_type().elem_type();
  };
  for (const auto& value : graph.value_info()) declare(value);
  for (const auto& value : graph.output()) declare(value);
  for (const auto& value : graph.input()) {
    declare(value);
    const auto found = declared.find(value.name());
    types[value.name()] = found == declared.end() ? TensorProto::UNDEFINED : found->second;
  }
  for (const auto& tensor : graph.initializer()) types[tensor.name()] = tensor.data_type();
  for (const auto& tensor : graph.sparse_initializer())
    types[tensor.values().name()] = tensor.values().data_type();

  const auto of_input = [&](const NodeProto& node, int i) {
    const auto found = i < node.input_size() ? types.find(node.input(i)) : types.end();
    return found == types.end() ? static_cast<int>(TensorProto::UNDEFINED) : found->second;
  };
  const auto by_declaration = [&](const std::string& name, int otherwise) {
    const auto found = declared.find(name);
    return found == declared.end() ? otherwise : found->second;
  };
  for (const auto& node : graph.node()) {
    const bool own = node.domain().empty() || node.domain() == "ai.onnx";
    const TypeRule* rule = own ? rule_of(kRules, node.op_type()) : nullptr;
    const TypeRule* second = own ? rule_of(kSecond, node.op_type()) : nullptr;
    const bool foreign = !own || is_plugin_node(node);
    int first = 0;
    while (first < node.input_size() && node.input(first).empty()) ++first;
    for (int i = 0; i < node.output_size(); ++i) {
      int type = of_input(node, first);
      if (foreign) {
        type = by_declaration(node.output(i), TensorProto::FLOAT);
      } else if (i > 0 && second) {
        type = second->type;
      } else if (rule) {
        switch (rule->rule) {
          case Rule::kFixed:
            type = rule->type;
            break;
          case Rule::kOfInput:
            type = of_input(node, rule->type);
            break;
          case Rule::kValue:
            type = type_of_value(node, rule->type);
            break;
          case Rule::kDeclared:
            type = by_declaration(node.output(i), rule->type);
            break;
          case Rule::kAttribute:
            type = static_cast<int>(int_attribute(node, "to", int_attribute(node, "dtype", rule->type)));
            break;
        }
      }
      if (!node.output(i).empty()) types[node.output(i)] = type;
    }
  }
  return types;
}

}  // namespace etalon
