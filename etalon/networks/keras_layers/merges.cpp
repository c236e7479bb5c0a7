// Layers of several inputs. TensorFlow sees a chain of operators of two: `add_1/add`, `add_1/add_1`, ...
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "etalon/base/error.hpp"
#include "etalon/networks/keras_layers/layers.hpp"

namespace etalon {
namespace {

// Equal sizes, or 1 on one side, as NumPy broadcasts.
std::vector<std::int64_t> merged_shape(const LoweredTensor& a, const LoweredTensor& b) {
  const auto wrong = [&] {
    throw Error(Kind::kBadInput,
                fmt::format("its inputs '{}' {} and '{}' {} do not fit together (shapes without batch)",
                            escaped(a.name), shape_text(a.shape), escaped(b.name), shape_text(b.shape)));
  };
  if (a.shape.size() != b.shape.size()) wrong();
  std::vector<std::int64_t> shape;
  for (std::size_t i = 0; i < a.shape.size(); ++i) {
    if (a.shape[i] != b.shape[i] && a.shape[i] != 1 && b.shape[i] != 1) wrong();
    shape.push_back(std::max(a.shape[i], b.shape[i]));
  }
  return shape;
}

void check_plain_merge(LayerCall& call, std::size_t fewest) {
  LayerConfig(call.layer.config).finish();
  call.expect_weights(0);
  if (call.inputs.size() < fewest)
    throw Error(Kind::kBadInput,
                fmt::format("has {} inputs, expected {} or more", call.inputs.size(), fewest));
}

// `tensorflow` is the operator's name in TensorFlow's scopes.
LoweredTensor chain(LayerCall& call, std::string_view op, std::string_view tensorflow,
                    bool keeps_non_negative) {
  check_plain_merge(call, 2);
  LoweredTensor sum = call.inputs[0];
  for (std::size_t i = 1; i < call.inputs.size(); ++i) {
    const auto& next = call.inputs[i];
    const auto out = call.tensor(i == 1 ? std::string(tensorflow) : fmt::format("{}_{}", tensorflow, i - 1));
    call.graph.binary(op, out, sum.name, next.name);
    sum = call.result(out, merged_shape(sum, next),
                      keeps_non_negative && sum.non_negative && next.non_negative);
  }
  return sum;
}

}  // namespace

LoweredTensor lower_add(LayerCall& call) { return chain(call, "Add", "add", true); }
LoweredTensor lower_multiply(LayerCall& call) { return chain(call, "Mul", "mul", true); }
LoweredTensor lower_maximum(LayerCall& call) { return chain(call, "Max", "Maximum", true); }
LoweredTensor lower_minimum(LayerCall& call) { return chain(call, "Min", "Minimum", true); }

LoweredTensor lower_subtract(LayerCall& call) {
  if (call.inputs.size() != 2)
    throw Error(Kind::kBadInput, fmt::format("has {} inputs, expected 2", call.inputs.size()));
  return chain(call, "Sub", "sub", false);
}

LoweredTensor lower_average(LayerCall& call) {
  const auto sum = chain(call, "Add", "add", true);
  const auto count = call.tensor("truediv/y"), out = call.tensor("truediv");
  call.graph.floats(count, std::span<const std::int64_t>(),
                    std::array{static_cast<float>(call.inputs.size())});
  call.graph.binary("Div", out, sum.name, count);
  return call.result(out, sum.shape, sum.non_negative);
}

LoweredTensor lower_concatenate(LayerCall& call) {
  LayerConfig config(call.layer.config);
  const auto rank = call.inputs.empty() ? 0 : static_cast<std::int64_t>(call.inputs.front().shape.size()) + 1;
  auto axis = config.integer("axis", -rank, rank - 1, -1);
  config.finish();
  call.expect_weights(0);
  if (call.inputs.size() < 2)
    throw Error(Kind::kBadInput, fmt::format("has {} inputs, expected 2 or more", call.inputs.size()));
  if (axis < 0) axis += rank;
  if (axis == 0) throw Error(Kind::kUnsupported, "joins its inputs along the batch, which is not supported");

  const auto along = static_cast<std::size_t>(axis - 1);
  auto shape = call.inputs.front().shape;
  shape[along] = 0;
  bool non_negative = true;
  std::vector<std::string> parts;
  for (const auto& part : call.inputs) {
    auto rest = part.shape;
    auto wanted = shape;
    if (rest.size() == wanted.size()) rest[along] = wanted[along] = 0;
    if (rest != wanted)
      throw Error(
          Kind::kBadInput,
          fmt::format("its inputs '{}' {} and '{}' {} differ in another axis than {} (shapes without batch)",
                      escaped(call.inputs.front().name), shape_text(call.inputs.front().shape),
                      escaped(part.name), shape_text(part.shape), axis));
    shape[along] += part.shape[along];
    non_negative = non_negative && part.non_negative;
    parts.push_back(part.name);
  }
  call.graph.concat(call.tensor("concat"), parts, axis);
  return call.result(call.tensor("concat"), std::move(shape), non_negative);
}

}  // namespace etalon
