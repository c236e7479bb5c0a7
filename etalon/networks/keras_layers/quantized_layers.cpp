#include "etalon/networks/keras_layers/quantized_layers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "etalon/base/error.hpp"
#include "etalon/networks/keras_layers/layer_table.hpp"
#include "etalon/networks/keras_layers/layers.hpp"

namespace etalon {
namespace {

constexpr std::int64_t kTrainedBits = 8;

// What NVIDIA's exporter demands too: "Layers with multiple inbound nodes are not supported."
void check_sole_call(const LayerCall& call) {
  if (call.layer.calls.size() != 1)
    throw Error(Kind::kUnsupported,
                fmt::format("is called {} times; a quantisation-aware layer is called once",
                            call.layer.calls.size()));
  if (call.nested)
    throw Error(Kind::kUnsupported,
                "is part of a model that is a layer of another one, which is not "
                "supported for quantisation-aware layers");
}

void check_bits(LayerConfig& config) {
  const auto bits = config.integer("bitwidth", 1, 64, kTrainedBits);
  if (bits != kTrainedBits)
    throw Error(Kind::kUnsupported,
                fmt::format("was trained for {} bits; INT8 needs {}", bits, kTrainedBits));
}

float scaling_factor(const KerasWeight& weight) {
  if (!weight.shape.empty() || weight.values.size() != 1)
    throw Error(Kind::kBadInput, fmt::format("its scaling factor '{}' has the shape {}, expected one number",
                                             escaped(weight.name), shape_text(weight.shape)));
  const float range = weight.values.front();
  if (!std::isnormal(range) || range < 0)
    throw Error(
        Kind::kBadInput,
        fmt::format("its scaling factor '{}' is {}, expected a positive number", escaped(weight.name), range),
        "the layer saw no data in training: train it further, or export with the model before QAT");
  return range;
}

// `kernel`: the end of the constant's name, whose output channels lie along `channel_axis`. The layer's first
// weight is its kernel.
LoweredTensor lower_quantized(LayerCall& call, LowerLayer lower_plain, std::string_view kernel,
                              int channel_axis) {
  check_sole_call(call);
  auto& layer = call.layer;
  LayerConfig config(layer.config);
  check_bits(config);
  const bool rounds_input = config.flag("quantize", true);
  const std::size_t plain_weights = config.flag("use_bias", true) ? 2 : 1;
  call.expect_weights(plain_weights + (rounds_input ? 1 : 0));
  if (rounds_input) {
    const float range = scaling_factor(layer.weights.back());
    layer.weights.pop_back();
    const auto& x = call.input();  // a QDQ before it has said what counts
    if (!x.maker || !is_qdq(*x.maker))
      call.ranges.push_back({call.place, x.trained_name(), x.name, range, true});
  }
  layer.config.erase("bitwidth");
  layer.config.erase("quantize");

  const auto grid = trained_kernel_grid(layer.weights.front().values);
  auto made = lower_plain(call);
  call.graph.weight_steps(call.weight_scope + "/" + std::string(kernel), grid, channel_axis);
  return made;
}

}  // namespace

bool is_qdq(const KerasLayer& layer) { return layer.class_name == "QDQ"; }

bool is_quantization_aware(const KerasLayer& layer) {
  return is_qdq(layer) || layer.class_name.starts_with("Quantized");
}

std::uint64_t scaling_factor_count(const KerasGraph& graph) {
  std::uint64_t count = 0;
  for (const auto& layer : graph.layers)
    if (is_quantization_aware(layer))
      count += static_cast<std::uint64_t>(
          std::ranges::count_if(layer.weights, [](const auto& weight) { return weight.shape.empty(); }));
  return count;
}

WeightGrid trained_kernel_grid(std::span<const float> kernel) {
  if (kernel.empty()) return {};
  const auto [low, high] = std::ranges::minmax(kernel);
  const WeightGrid from_high{high / 127.0F, 127.0F / high}, from_low{low / -128.0F, -128.0F / low};
  const WeightGrid grid = from_low.step > from_high.step ? from_low : from_high;
  if (!(grid.step > 0)) return {};
  constexpr float kSmallest =
      std::numeric_limits<float>::min();  // a denormal step is no scale for any reader
  return grid.step < kSmallest ? WeightGrid{kSmallest, 1 / kSmallest} : grid;
}

LoweredTensor lower_qdq(LayerCall& call) {
  check_sole_call(call);
  const auto& x = call.input();
  LayerConfig config(call.layer.config);
  check_bits(config);
  config.finish();
  if (call.layer.weights.empty())
    throw Error(Kind::kBadInput, "has no scaling factor: its range was not saved");
  call.expect_weights(1);
  if (x.maker && is_qdq(*x.maker))
    throw Error(Kind::kUnsupported, fmt::format("is fed by another QDQ layer, '{}': a tensor has one range",
                                                escaped(x.maker->name)));
  call.ranges.push_back({call.place, x.trained_name(), x.name, scaling_factor(call.layer.weights[0]), false});
  return x;
}

LoweredTensor lower_quantized_conv2d(LayerCall& call) {
  return lower_quantized(call, lower_conv2d, "kernel", 0);
}
LoweredTensor lower_quantized_conv2d_transpose(LayerCall& call) {
  return lower_quantized(call, lower_conv2d_transpose, "kernel", 1);
}
LoweredTensor lower_quantized_depthwise_conv2d(LayerCall& call) {
  return lower_quantized(call, lower_depthwise_conv2d, "depthwise_kernel", 0);
}

}  // namespace etalon
