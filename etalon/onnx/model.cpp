#include "etalon/onnx/model.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <limits>
#include <unordered_set>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

static_assert(std::endian::native == std::endian::little, "raw_data is little endian and read in place");

// IEEE 754 half to single, exact.
float float_of_half(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1fU;
  std::uint32_t mantissa = half & 0x3ffU;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000U | mantissa << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float subnormal = static_cast<float>(mantissa) * 0x1p-24F;
  return sign != 0 ? -subnormal : subnormal;
}

[[noreturn]] void refuse_size(const TensorProto& tensor, std::uint64_t found, std::uint64_t expected,
                              std::string_view unit) {
  throw Error(Kind::kBadInput, fmt::format("initializer '{}' holds {} {}, its shape needs {}",
                                           escaped(tensor.name()), found, unit, expected));
}

// The elements as they lie in raw_data, widened by `convert`.
template <class Stored, class Convert>
std::vector<float> from_raw(const TensorProto& tensor, std::uint64_t count, Convert&& convert) {
  const std::string& raw = tensor.raw_data();
  if (raw.size() / sizeof(Stored) != count || raw.size() % sizeof(Stored) != 0)
    refuse_size(tensor, raw.size(), count * sizeof(Stored), "bytes");
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    Stored stored;
    std::memcpy(&stored, raw.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = convert(stored);
  }
  return values;
}

template <class Field, class Convert>
std::vector<float> from_field(const TensorProto& tensor, const Field& field, std::uint64_t count,
                              Convert&& convert) {
  if (static_cast<std::uint64_t>(field.size()) != count)
    refuse_size(tensor, static_cast<std::uint64_t>(field.size()), count, "numbers");
  std::vector<float> values(count);
  for (int i = 0; i < field.size(); ++i) values[static_cast<std::size_t>(i)] = convert(field.Get(i));
  return values;
}

}  // namespace

std::optional<Shape> shape_of(const ValueInfoProto& value) {
  if (!value.type().has_tensor_type() || !value.type().tensor_type().has_shape()) return std::nullopt;
  Shape shape;
  for (const auto& dimension : value.type().tensor_type().shape().dim())
    shape.push_back(dimension.has_dim_value() && dimension.dim_value() >= 0 ? Dimension(dimension.dim_value())
                                                                            : std::nullopt);
  return shape;
}

std::vector<const ValueInfoProto*> data_inputs(const GraphProto& graph) {
  std::unordered_set<std::string_view> initializers;
  for (const auto& tensor : graph.initializer()) initializers.insert(tensor.name());
  std::vector<const ValueInfoProto*> inputs;
  for (const auto& input : graph.input())
    if (!initializers.contains(input.name())) inputs.push_back(&input);
  return inputs;
}

std::int64_t opset_of(const ModelProto& model, std::string_view domain) {
  for (const auto& imported : model.opset_import())
    if (imported.domain() == domain || (domain.empty() && imported.domain() == "ai.onnx"))
      return imported.version();
  return 0;
}

ModelProto model_of(GraphProto graph) {
  ModelProto model;
  model.set_ir_version(kIrVersion);
  model.set_producer_name("etalon");
  model.set_producer_version(ETALON_VERSION);
  model.add_opset_import()->set_version(kOpset);
  *model.mutable_graph() = std::move(graph);
  return model;
}

std::vector<std::string> activation_names(const GraphProto& graph) {
  std::unordered_set<std::string_view> constants;
  for (const auto& tensor : graph.initializer()) constants.insert(tensor.name());
  for (const auto& tensor : graph.sparse_initializer()) constants.insert(tensor.values().name());
  std::vector<std::string> names;
  for (const auto* input : data_inputs(graph)) names.push_back(input->name());
  for (const auto& node : graph.node()) {
    bool constant = node.op_type() == "Constant" || node.op_type() == "Shape" || node.op_type() == "Size";
    if (!constant && node.input_size() > 0) {
      constant = true;
      for (const auto& input : node.input())
        constant = constant && (input.empty() || constants.contains(input));
    }
    for (const auto& output : node.output()) {
      if (output.empty()) continue;
      if (constant)
        constants.insert(output);
      else
        names.push_back(output);
    }
  }
  return names;
}

std::uint64_t element_count(const TensorProto& tensor) {
  std::uint64_t count = 1;
  for (const auto dimension : tensor.dims()) {
    if (dimension < 0)
      throw Error(Kind::kBadInput,
                  fmt::format("initializer '{}' has the dimension {}", escaped(tensor.name()), dimension));
    const auto size = static_cast<std::uint64_t>(dimension);
    if (size != 0 && count > std::numeric_limits<std::int64_t>::max() / size)
      throw Error(Kind::kBadInput,
                  fmt::format("the shape of initializer '{}' has too many elements", escaped(tensor.name())));
    count *= size;
  }
  return count;
}

std::vector<float> float_values(const TensorProto& tensor) {
  const std::uint64_t count = element_count(tensor);
  const bool raw = tensor.has_raw_data();
  switch (tensor.data_type()) {
    case TensorProto::FLOAT: {
      const auto same = [](float value) { return value; };
      return raw ? from_raw<float>(tensor, count, same)
                 : from_field(tensor, tensor.float_data(), count, same);
    }
    case TensorProto::DOUBLE: {
      const auto narrowed = [](double value) { return static_cast<float>(value); };
      return raw ? from_raw<double>(tensor, count, narrowed)
                 : from_field(tensor, tensor.double_data(), count, narrowed);
    }
    case TensorProto::FLOAT16: {
      const auto widened = [](auto value) { return float_of_half(static_cast<std::uint16_t>(value)); };
      return raw ? from_raw<std::uint16_t>(tensor, count, widened)
                 : from_field(tensor, tensor.int32_data(), count, widened);
    }
    default:
      throw Error(Kind::kBadInput,
                  fmt::format("initializer '{}' has the type {}, expected FLOAT, FLOAT16 or DOUBLE",
                              escaped(tensor.name()), TensorProto::DataType_Name(tensor.data_type())));
  }
}

}  // namespace etalon
