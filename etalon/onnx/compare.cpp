#include "etalon/onnx/compare.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/util/message_differencer.h>

#include <cstring>
#include <map>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

using Differencer = google::protobuf::util::MessageDifferencer;

// The constant's numbers as bytes, whichever field they lie in.
std::string bytes_of(const TensorProto& tensor) {
  if (tensor.has_raw_data()) return tensor.raw_data();
  std::string bytes;
  const auto append = [&](auto value) { bytes.append(reinterpret_cast<const char*>(&value), sizeof(value)); };
  for (const float value : tensor.float_data()) append(value);
  for (const double value : tensor.double_data()) append(value);
  for (const std::int64_t value : tensor.int64_data()) append(value);
  for (const std::int32_t value : tensor.int32_data()) {
    if (tensor.data_type() == TensorProto::INT8 || tensor.data_type() == TensorProto::UINT8)
      append(static_cast<std::int8_t>(value));
    else
      append(value);
  }
  return bytes;
}

std::string tensor_difference(const TensorProto& a, const TensorProto& b, bool compare_values) {
  if (a.data_type() != b.data_type()) return "types differ";
  if (!std::equal(a.dims().begin(), a.dims().end(), b.dims().begin(), b.dims().end()))
    return fmt::format("shapes [{}] and [{}]", fmt::join(a.dims(), ", "), fmt::join(b.dims(), ", "));
  if (!compare_values || bytes_of(a) == bytes_of(b)) return "";
  if (a.data_type() != TensorProto::FLOAT) return "values differ";
  const auto x = float_values(a), y = float_values(b);
  for (std::size_t i = 0; i < x.size(); ++i)
    if (std::memcmp(&x[i], &y[i], sizeof(float)) != 0)
      return fmt::format("value {} is {} and {}", i, x[i], y[i]);
  return "";
}

std::string node_difference(const NodeProto& a, const NodeProto& b) {
  if (a.op_type() != b.op_type() || a.domain() != b.domain())
    return fmt::format("operators {} and {}", a.op_type(), b.op_type());
  if (!std::equal(a.input().begin(), a.input().end(), b.input().begin(), b.input().end()))
    return fmt::format("inputs [{}] and [{}]", fmt::join(a.input(), ", "), fmt::join(b.input(), ", "));
  if (!std::equal(a.output().begin(), a.output().end(), b.output().begin(), b.output().end()))
    return fmt::format("outputs [{}] and [{}]", fmt::join(a.output(), ", "), fmt::join(b.output(), ", "));
  std::map<std::string, const AttributeProto*> left, right;
  for (const auto& attribute : a.attribute()) left[attribute.name()] = &attribute;
  for (const auto& attribute : b.attribute()) right[attribute.name()] = &attribute;
  for (const auto& [name, attribute] : left) {
    const auto other = right.find(name);
    if (other == right.end() || !Differencer::Equals(*attribute, *other->second))
      return fmt::format("attribute {}", name);
  }
  for (const auto& [name, attribute] : right)
    if (!left.contains(name)) return fmt::format("attribute {}", name);
  return "";
}

std::string values_difference(std::string_view what,
                              const google::protobuf::RepeatedPtrField<ValueInfoProto>& a,
                              const google::protobuf::RepeatedPtrField<ValueInfoProto>& b) {
  if (a.size() != b.size()) return fmt::format("{} and {} {}s", a.size(), b.size(), what);
  for (int i = 0; i < a.size(); ++i)
    if (a.Get(i).name() != b.Get(i).name() || shape_of(a.Get(i)) != shape_of(b.Get(i)))
      return fmt::format("{} {} is '{}' and '{}', or their shapes differ", what, i, a.Get(i).name(),
                         b.Get(i).name());
  return "";
}

}  // namespace

std::string graph_difference(const GraphProto& a, const GraphProto& b, bool compare_values) {
  if (auto said = values_difference("input", a.input(), b.input()); !said.empty()) return said;
  if (auto said = values_difference("output", a.output(), b.output()); !said.empty()) return said;
  for (int i = 0; i < std::min(a.node_size(), b.node_size()); ++i)
    if (auto said = node_difference(a.node(i), b.node(i)); !said.empty())
      return fmt::format("node {}: {}", i, said);
  if (a.node_size() != b.node_size()) return fmt::format("{} and {} nodes", a.node_size(), b.node_size());
  std::map<std::string, const TensorProto*> left, right;
  for (const auto& tensor : a.initializer()) left[tensor.name()] = &tensor;
  for (const auto& tensor : b.initializer()) right[tensor.name()] = &tensor;
  for (const auto& [name, tensor] : left) {
    const auto other = right.find(name);
    if (other == right.end()) return fmt::format("initializer '{}' only in the first", name);
    if (auto said = tensor_difference(*tensor, *other->second, compare_values); !said.empty())
      return fmt::format("initializer '{}': {}", name, said);
  }
  for (const auto& [name, tensor] : right)
    if (!left.contains(name)) return fmt::format("initializer '{}' only in the second", name);
  return "";
}

}  // namespace etalon
