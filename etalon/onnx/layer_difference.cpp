#include "etalon/onnx/layer_difference.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>

#include "etalon/base/digest.hpp"
#include "etalon/base/error.hpp"

namespace etalon {
namespace {

constexpr int kMostNumbers = 24;  // of a list that is shown

template <class List>
std::string list_text(const List& list) {
  std::string text;
  for (int i = 0; i < std::min<int>(list.size(), kMostNumbers); ++i)
    text += fmt::format("{}{}", i > 0 ? "," : "", list.Get(i));
  return fmt::format("[{}{}]", text, list.size() > kMostNumbers ? fmt::format(",... {}", list.size()) : "");
}

std::string text_of(const AttributeProto& attribute) {
  switch (attribute.type()) {
    case AttributeProto::INT:
      return fmt::format("{}", attribute.i());
    case AttributeProto::FLOAT:
      return fmt::format("{}", attribute.f());
    case AttributeProto::STRING:
      return escaped(attribute.s());
    case AttributeProto::INTS:
      return list_text(attribute.ints());
    case AttributeProto::FLOATS:
      return list_text(attribute.floats());
    default:  // tensors, graphs: enough to tell two from each other
      return fmt::format("{} {}", AttributeProto::AttributeType_Name(attribute.type()),
                         Digest().text(attribute.SerializeAsString()).hex().substr(0, 8));
  }
}

// What the operator does without the attribute. A list of one number stands for any length. Source: ONNX's
// operator schemas.
struct Default {
  std::string_view op, attribute, text;  // op "": of any
};
constexpr Default kDefaults[] = {
    {"", "auto_pad", "NOTSET"},
    {"", "dilations", "[1]"},
    {"", "group", "1"},
    {"", "pads", "[0]"},
    {"", "strides", "[1]"},
    {"", "ceil_mode", "0"},
    {"", "storage_order", "0"},
    {"", "count_include_pad", "0"},
    {"ConvTranspose", "output_padding", "[0]"},
    {"BatchNormalization", "epsilon", "1e-05"},
    {"Elu", "alpha", "1"},
    {"Flatten", "axis", "1"},
    {"Gemm", "alpha", "1"},
    {"Gemm", "beta", "1"},
    {"Gemm", "transA", "0"},
    {"Gemm", "transB", "0"},
    {"HardSigmoid", "alpha", "0.2"},
    {"HardSigmoid", "beta", "0.5"},
    {"LeakyRelu", "alpha", "0.01"},
    {"Pad", "mode", "constant"},
    {"ReduceMean", "keepdims", "1"},
    {"TopK", "largest", "1"},
    {"TopK", "sorted", "1"},
};

bool is_default(std::string_view op, const AttributeProto& attribute, const std::string& text) {
  for (const auto& one : kDefaults) {
    if ((!one.op.empty() && one.op != op) || one.attribute != attribute.name()) continue;
    if (attribute.type() != AttributeProto::INTS) return text == one.text;
    return std::all_of(attribute.ints().begin(), attribute.ints().end(),
                       [&](std::int64_t value) { return fmt::format("[{}]", value) == one.text; });
  }
  return false;
}

std::string default_text(std::string_view op, std::string_view attribute) {
  if (attribute == "pads") return "none";
  for (const auto& one : kDefaults)
    if ((one.op.empty() || one.op == op) && one.attribute == attribute) return std::string(one.text);
  return "left out";
}

std::map<std::string, std::string> attributes_of(const NodeProto& node) {
  const bool convolution = node.op_type() == "Conv" || node.op_type() == "ConvTranspose";
  std::map<std::string, std::string> texts;
  for (const auto& attribute : node.attribute()) {
    const std::string text = text_of(attribute);
    const bool valid = attribute.name() == "auto_pad" && text == "VALID";  // pads are zeros then
    if (valid || is_default(node.op_type(), attribute, text)) continue;
    if (convolution && attribute.name() == "kernel_shape") continue;
    texts[attribute.name()] = text;
  }
  return texts;
}

bool is_commutative(const NodeProto& node) {
  constexpr std::array<std::string_view, 4> kOperators{"Add", "Mul", "Max", "Min"};
  return std::find(kOperators.begin(), kOperators.end(), node.op_type()) != kOperators.end();
}

std::string input_name(const NodeProto& node, int slot) {
  return slot < node.input_size() ? node.input(slot) : "";
}

std::string shown(const std::string& tensor) { return tensor.empty() ? "nothing" : escaped(tensor); }

// --- constants

template <class Number, class Field>
std::vector<double> numbers_from(const TensorProto& tensor, const Field& field) {
  const std::uint64_t count = element_count(tensor);
  const bool raw = tensor.has_raw_data();
  const std::size_t bytes = tensor.raw_data().size();
  if (raw ? bytes % sizeof(Number) != 0 || bytes / sizeof(Number) != count
          : static_cast<std::uint64_t>(field.size()) != count)
    throw Error(Kind::kBadInput,
                fmt::format("the data of constant '{}' does not fit its shape", escaped(tensor.name())));
  std::vector<double> numbers(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (raw) {
      Number number;
      std::memcpy(&number, tensor.raw_data().data() + i * sizeof(Number), sizeof(Number));
      numbers[i] = static_cast<double>(number);
    } else {
      numbers[i] = static_cast<double>(field.Get(static_cast<int>(i)));
    }
  }
  return numbers;
}

std::optional<std::vector<double>> numbers_of(const TensorProto& tensor) {
  switch (tensor.data_type()) {
    case TensorProto::FLOAT:
    case TensorProto::FLOAT16:
    case TensorProto::DOUBLE: {
      const auto values = float_values(tensor);
      return std::vector<double>(values.begin(), values.end());
    }
    case TensorProto::INT64:
      return numbers_from<std::int64_t>(tensor, tensor.int64_data());
    case TensorProto::INT32:
      return numbers_from<std::int32_t>(tensor, tensor.int32_data());
    case TensorProto::INT8:
      return numbers_from<std::int8_t>(tensor, tensor.int32_data());
    case TensorProto::UINT8:
      return numbers_from<std::uint8_t>(tensor, tensor.int32_data());
    default:
      return std::nullopt;
  }
}

void compare_numbers(const std::vector<double>& first, const std::vector<double>& second,
                     WeightDifference& difference) {
  double largest = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (first[i] == second[i]) {
      largest = std::max(largest, std::abs(first[i]));
      continue;
    }
    const double off = std::abs(first[i] - second[i]);
    if (!std::isfinite(off)) {
      if (std::isnan(first[i]) && std::isnan(second[i])) continue;
      difference.max_abs = difference.relative = std::numeric_limits<double>::infinity();
      return;
    }
    difference.max_abs = std::max(difference.max_abs, off);
    largest = std::max({largest, std::abs(first[i]), std::abs(second[i])});
  }
  difference.relative = largest > 0 ? difference.max_abs / largest : 0;
}

}  // namespace

std::vector<LayerDifference> layer_differences(
    const NodeProto& first, const Constants& first_constants, const NodeProto& second,
    const Constants& second_constants, const std::map<std::string, std::string, std::less<>>& tensors) {
  std::vector<LayerDifference> differences;
  if (first.op_type() != second.op_type() || first.domain() != second.domain()) {
    differences.push_back({"operator", escaped(first.op_type()), escaped(second.op_type())});
    return differences;  // its attributes are others
  }
  auto a = attributes_of(first), b = attributes_of(second);
  for (const auto& [name, text] : a) b.try_emplace(name, default_text(first.op_type(), name));
  for (const auto& [name, text] : b) a.try_emplace(name, default_text(first.op_type(), name));
  for (const auto& [name, text] : a)
    if (text != b.at(name)) differences.push_back({escaped(name), text, b.at(name)});

  std::vector<std::string> reads, wanted, others;  // of the first, what that is in the second, of the second
  for (int slot = 0; slot < std::max(first.input_size(), second.input_size()); ++slot) {
    const std::string one = input_name(first, slot), other = input_name(second, slot);
    if (first_constants.contains(one) && second_constants.contains(other)) continue;
    const auto found = tensors.find(one);
    reads.push_back(one);
    wanted.push_back(found == tensors.end() ? one : found->second);
    others.push_back(other);
  }
  if (is_commutative(first)) {
    auto x = wanted, y = others;
    std::sort(x.begin(), x.end());
    std::sort(y.begin(), y.end());
    if (x == y) return differences;
  }
  for (std::size_t slot = 0; slot < reads.size(); ++slot)
    if (wanted[slot] != others[slot])
      differences.push_back({fmt::format("input {}", slot), shown(reads[slot]), shown(others[slot])});
  return differences;
}

std::vector<WeightDifference> weight_differences(const NodeProto& first, const Constants& first_constants,
                                                 const NodeProto& second, const Constants& second_constants) {
  std::vector<WeightDifference> differences;
  for (int slot = 0; slot < std::min(first.input_size(), second.input_size()); ++slot) {
    const auto a = first_constants.find(first.input(slot));
    const auto b = second_constants.find(second.input(slot));
    if (a == first_constants.end() || b == second_constants.end()) continue;
    WeightDifference difference{.first = a->first, .second = b->first, .shapes = {}};
    const auto &x = *a->second, &y = *b->second;
    if (!std::equal(x.dims().begin(), x.dims().end(), y.dims().begin(), y.dims().end())) {
      difference.shapes = list_text(x.dims()) + " and " + list_text(y.dims());
      difference.max_abs = difference.relative = std::numeric_limits<double>::infinity();
    } else {
      const auto numbers = numbers_of(x), others = numbers_of(y);
      if (!numbers || !others) continue;
      compare_numbers(*numbers, *others, difference);
    }
    differences.push_back(std::move(difference));
  }
  return differences;
}

}  // namespace etalon
