#include <fmt/format.h>

#include "etalon/base/error.hpp"
#include "etalon/networks/keras_layers/layers.hpp"

namespace etalon {

// A BatchNormalization node; the pass fold_batch_norm merges it into the convolution before it.
LoweredTensor lower_batch_normalization(LayerCall& call) {
  const auto& x = call.input();
  LayerConfig config(call.layer.config);
  const auto rank = static_cast<std::int64_t>(x.shape.size()) + 1;
  const auto* given = config.find("axis");
  // Newer writers save a list of one axis.
  auto axis = given && given->is_array() && given->size() == 1
                  ? config.integers("axis", -rank, rank - 1).front()
                  : config.integer("axis", -rank, rank - 1, -1);
  if (axis < 0) axis += rank;
  const double epsilon = config.number("epsilon", 1e-3);
  const bool center = config.flag("center", true), scale = config.flag("scale", true);
  for (const std::string_view option : {"renorm", "virtual_batch_size", "adjustment"})
    if (const auto* value = config.find(option); value && *value != false)
      throw Error(Kind::kUnsupported, fmt::format("uses '{}', which is not supported", option));
  config.finish();
  if (axis != 1)
    throw Error(Kind::kUnsupported,
                fmt::format("normalises axis {}; only axis 1 (channels first) is supported", axis));
  if (!(epsilon >= 0) || !(epsilon < 1))
    throw Error(Kind::kBadInput, fmt::format("'epsilon' is {}, expected a small positive number", epsilon));

  call.expect_weights(2 + (center ? 1 : 0) + (scale ? 1 : 0));
  const auto channels = x.shape.front();
  std::size_t next = 0;
  const auto parameter = [&](std::string_view role) {
    return call.weight(next++, role, {channels}, {channels});
  };
  const auto constant = [&](std::string_view role, float value) {
    auto name = call.weight_scope + "/" + std::string(role);
    if (!call.graph.has(name))
      call.graph.floats(name, std::array{channels},
                        std::vector<float>(static_cast<std::size_t>(channels), value));
    return name;
  };
  const auto gamma = scale ? parameter("gamma") : constant("gamma", 1.0F);
  const auto beta = center ? parameter("beta") : constant("beta", 0.0F);
  const auto mean = parameter("moving_mean");
  const auto variance = parameter("moving_variance");
  const auto out = call.tensor("batchnorm/add_1");
  call.graph.batch_normalization(out, x.name, gamma, beta, mean, variance, static_cast<float>(epsilon));
  return call.result(out, x.shape);
}

}  // namespace etalon
