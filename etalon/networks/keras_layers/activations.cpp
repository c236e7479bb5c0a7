#include <fmt/format.h>

#include <array>
#include <cmath>

#include "etalon/base/error.hpp"
#include "etalon/base/name_match.hpp"
#include "etalon/networks/keras_layers/activation_functions.hpp"
#include "etalon/networks/keras_layers/layers.hpp"

namespace etalon {
namespace {

// Functions that are one ONNX operator without attributes; the operator's TensorFlow name is its own.
struct PlainFunction {
  std::string_view keras, onnx;
  bool non_negative;
};
constexpr std::array kPlainFunctions{
    PlainFunction{"exponential", "Exp", true},   PlainFunction{"relu", "Relu", true},
    PlainFunction{"selu", "Selu", false},        PlainFunction{"sigmoid", "Sigmoid", true},
    PlainFunction{"softplus", "Softplus", true}, PlainFunction{"softsign", "Softsign", false},
    PlainFunction{"tanh", "Tanh", false},
};

[[noreturn]] void refuse_function(std::string_view function) {
  std::vector<std::string> known{"elu", "hard_sigmoid", "linear", "mish", "relu6", "softmax", "swish"};
  for (const auto& plain : kPlainFunctions) known.emplace_back(plain.keras);
  const auto nearest = nearest_name(function, known);
  throw Error(Kind::kUnsupported,
              fmt::format("uses the activation '{}', which is not supported", escaped(function)),
              nearest ? fmt::format("the nearest one that is: {}", *nearest) : "");
}

// A constant of one number, shared by the nodes of this call.
std::string scalar(LayerCall& call, std::string_view role, double value) {
  const auto name = call.tensor(role);
  call.graph.floats(name, std::span<const std::int64_t>(), std::array{static_cast<float>(value)});
  return name;
}

LoweredTensor clipped(LayerCall& call, const LoweredTensor& x, std::string_view op, double high) {
  const auto out = call.tensor(op);
  call.graph.clip(out, x.name, scalar(call, std::string(op) + "/min", 0.0),
                  scalar(call, std::string(op) + "/max", high));
  return call.result(out, x.shape, true);
}

LoweredTensor softmax_over(LayerCall& call, const LoweredTensor& x, std::int64_t axis) {
  const auto rank = static_cast<std::int64_t>(x.shape.size()) + 1;
  if (axis < -rank || axis >= rank || axis == 0 || axis == -rank)
    throw Error(Kind::kBadInput,
                fmt::format("'axis' is {}, its input has {} axes with the batch", axis, rank));
  const auto out = call.tensor("Softmax");
  call.graph.softmax(out, x.name, axis);
  return call.result(out, x.shape, true);
}

}  // namespace

LoweredTensor apply_activation(LayerCall& call, const LoweredTensor& x, std::string_view function,
                               std::string_view x_times_sigmoid) {
  for (const auto& plain : kPlainFunctions)
    if (plain.keras == function) {
      const auto out = call.tensor(plain.onnx);
      call.graph.unary(plain.onnx, out, x.name);
      return call.result(out, x.shape, plain.non_negative);
    }
  if (function == "linear") return x;
  if (function == "relu6") return clipped(call, x, "Relu6", 6.0);
  if (function == "softmax") return softmax_over(call, x, -1);
  if (function == "elu") {
    call.graph.elu(call.tensor("Elu"), x.name, 1.0F);
    return call.result(call.tensor("Elu"), x.shape);
  }
  if (function == "hard_sigmoid") {  // Keras: clip(0.2 x + 0.5, 0, 1)
    call.graph.hard_sigmoid(call.tensor("clip_by_value"), x.name, 0.2F, 0.5F);
    return call.result(call.tensor("clip_by_value"), x.shape, true);
  }
  if (function == "swish" || function == "silu") {
    const auto gate = call.tensor("Sigmoid"), out = call.tensor(x_times_sigmoid);
    call.graph.unary("Sigmoid", gate, x.name);
    call.graph.mul(out, x.name, gate);
    call.result(gate, x.shape);
    return call.result(out, x.shape);
  }
  if (function == "mish") {  // x * tanh(softplus(x))
    const auto soft = call.tensor("Softplus"), gate = call.tensor("Tanh"), out = call.tensor("mul");
    call.graph.unary("Softplus", soft, x.name);
    call.graph.unary("Tanh", gate, soft);
    call.graph.mul(out, x.name, gate);
    call.result(soft, x.shape);
    call.result(gate, x.shape);
    return call.result(out, x.shape);
  }
  refuse_function(function);
}

LoweredTensor lower_activation(LayerCall& call) {
  LayerConfig config(call.layer.config);
  if (!config.find("activation")) throw Error(Kind::kBadInput, "the configuration lacks 'activation'");
  const auto function = config.text("activation", "");
  config.finish();
  call.expect_weights(0);
  return apply_activation(call, call.input(), function, "mul");
}

// Keras 2.2.4, K.relu(x, alpha, max_value, threshold):
//   y = x if x > threshold else 0, not above max_value;  then minus alpha * max(threshold - x, 0)
LoweredTensor lower_relu(LayerCall& call) {
  const auto& x = call.input();
  LayerConfig config(call.layer.config);
  const auto max_value = config.number_or_null("max_value");
  const double slope = config.number("negative_slope", 0.0), threshold = config.number("threshold", 0.0);
  config.finish();
  call.expect_weights(0);
  if (max_value && *max_value < 0)
    throw Error(Kind::kBadInput,
                fmt::format("'max_value' is {}, expected one that is not negative", *max_value));
  if (slope < 0)
    throw Error(Kind::kBadInput,
                fmt::format("'negative_slope' is {}, expected one that is not negative", slope));

  if (threshold == 0 && slope == 0) {
    if (!max_value) return apply_activation(call, x, "relu", "");
    return clipped(call, x, *max_value == 6.0 ? "Relu6" : "clip_by_value", *max_value);
  }
  if (threshold == 0 && !max_value) {
    call.graph.leaky_relu(call.tensor("LeakyRelu"), x.name, static_cast<float>(slope));
    return call.result(call.tensor("LeakyRelu"), x.shape);
  }
  const auto clip_name = max_value && *max_value == 6.0 && threshold == 0 ? "Relu6" : "clip_by_value";
  LoweredTensor positive = x, below = x;
  if (threshold != 0) {
    const auto limit = scalar(call, "threshold", threshold);
    call.graph.binary("Greater", call.tensor("Greater"), x.name, limit);
    call.graph.cast_to_float(call.tensor("Cast"), call.tensor("Greater"));
    call.graph.mul(call.tensor("mul"), x.name, call.tensor("Cast"));
    positive = call.result(call.tensor("mul"), x.shape, threshold > 0);
    if (slope != 0) {
      call.graph.binary("Sub", call.tensor("add"), limit, x.name);
      below = call.result(call.tensor("add"), x.shape);
    }
  } else {
    call.graph.unary("Neg", call.tensor("Neg"), x.name);
    below = call.result(call.tensor("Neg"), x.shape);
  }
  if (max_value) positive = clipped(call, positive, clip_name, *max_value);
  if (slope == 0) return positive;
  call.graph.relu(call.tensor("Relu"), below.name);
  call.graph.mul(call.tensor("mul_1"), call.tensor("Relu"), scalar(call, "alpha", slope));
  call.graph.binary("Sub", call.tensor("sub"), positive.name, call.tensor("mul_1"));
  return call.result(call.tensor("sub"), x.shape);
}

LoweredTensor lower_leaky_relu(LayerCall& call) {
  const auto& x = call.input();
  LayerConfig config(call.layer.config);
  const double alpha = config.number("alpha", 0.3);  // Keras' default
  config.finish();
  call.expect_weights(0);
  call.graph.leaky_relu(call.tensor("LeakyRelu"), x.name, static_cast<float>(alpha));
  return call.result(call.tensor("LeakyRelu"), x.shape);
}

LoweredTensor lower_elu(LayerCall& call) {
  const auto& x = call.input();
  LayerConfig config(call.layer.config);
  const double alpha = config.number("alpha", 1.0);
  config.finish();
  call.expect_weights(0);
  call.graph.elu(call.tensor("Elu"), x.name, static_cast<float>(alpha));
  return call.result(call.tensor("Elu"), x.shape);
}

// One slope an element, or one for all places along the shared axes (1-based, without the batch).
LoweredTensor lower_prelu(LayerCall& call) {
  const auto& x = call.input();
  LayerConfig config(call.layer.config);
  auto shape = x.shape;
  if (config.find("shared_axes"))
    for (const auto axis : config.integers("shared_axes", 1, static_cast<std::int64_t>(shape.size())))
      shape[static_cast<std::size_t>(axis - 1)] = 1;
  config.finish();
  call.expect_weights(1);
  const auto slope = call.weight(0, "alpha", shape, shape);
  call.graph.prelu(call.tensor("add"), x.name, slope);
  return call.result(call.tensor("add"), x.shape);
}

LoweredTensor lower_softmax(LayerCall& call) {
  LayerConfig config(call.layer.config);
  const auto axis = config.integer("axis", -8, 8, -1);
  config.finish();
  call.expect_weights(0);
  return softmax_over(call, call.input(), axis);
}

}  // namespace etalon
