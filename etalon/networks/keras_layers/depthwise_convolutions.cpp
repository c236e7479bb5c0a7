// Depthwise and separable convolutions. TAO's patch of Keras left them alone: `same` is TensorFlow's own.
#include "etalon/networks/keras_layers/activation_functions.hpp"
#include "etalon/networks/keras_layers/layers.hpp"
#include "etalon/networks/kernel_layout.hpp"
#include "etalon/networks/padding_rules.hpp"

namespace etalon {
namespace {

struct Depthwise {
  ConvWindow window;
  bool same = false;
  std::int64_t multiplier = 1;
};

Depthwise depthwise_from(LayerConfig& config) {
  Depthwise depthwise;
  config.need_channels_first();
  depthwise.window.kernel = config.extent_pair("kernel_size", {1, 1});
  depthwise.window.strides = config.extent_pair("strides", {1, 1});
  depthwise.window.dilations = config.extent_pair("dilation_rate", {1, 1});
  depthwise.same = config.padding_is_same();
  depthwise.multiplier = config.integer("depth_multiplier", 1, kLargestExtent, 1);
  config.integer("groups", 1, 1, 1);
  return depthwise;
}

LoweredTensor convolve_each_channel(LayerCall& call, Depthwise& depthwise, const std::string& out,
                                    const std::string& bias) {
  const auto image = call.image();
  auto& window = depthwise.window;
  const auto [kh, kw] = window.kernel;
  const auto channels = image.channels * depthwise.multiplier;
  const auto kernel =
      call.weight(0, "depthwise_kernel", {kh, kw, image.channels, depthwise.multiplier},
                  {channels, 1, kh, kw}, [&](const auto& values) {
                    return reversed_kernel(std::as_bytes(std::span(values)), kh * kw, 1, channels);
                  });
  const auto plan = depthwise.same ? plan_tensorflow_same : plan_valid;
  const auto rows = plan({image.height, kh, window.strides[0], window.dilations[0]});
  const auto columns = plan({image.width, kw, window.strides[1], window.dilations[1]});
  window.pads = {rows.begin, columns.begin, rows.end, columns.end};
  window.group = image.channels;
  call.graph.conv(out, call.input().name, kernel, bias, window);
  return call.result(out, {channels, rows.output, columns.output});
}

}  // namespace

LoweredTensor lower_depthwise_conv2d(LayerCall& call) {
  const auto image = call.image();
  LayerConfig config(call.layer.config);
  auto depthwise = depthwise_from(config);
  const bool use_bias = config.flag("use_bias", true);
  const auto activation = config.text("activation", "linear");
  config.finish();
  call.expect_weights(use_bias ? 2 : 1);
  const auto channels = image.channels * depthwise.multiplier;
  const auto bias = use_bias ? call.weight(1, "bias", {channels}, {channels}) : "";
  const auto y =
      convolve_each_channel(call, depthwise, call.tensor(use_bias ? "BiasAdd" : "depthwise"), bias);
  return apply_activation(call, y, activation, "mul_2");
}

LoweredTensor lower_separable_conv2d(LayerCall& call) {
  const auto image = call.image();
  LayerConfig config(call.layer.config);
  auto depthwise = depthwise_from(config);
  const auto filters = config.integer("filters", 1, kLargestExtent);
  const bool use_bias = config.flag("use_bias", true);
  const auto activation = config.text("activation", "linear");
  config.finish();
  call.expect_weights(use_bias ? 3 : 2);
  const auto between = convolve_each_channel(call, depthwise, call.tensor("separable_conv2d/depthwise"), "");
  const auto channels = image.channels * depthwise.multiplier;
  const auto kernel = call.weight(
      1, "pointwise_kernel", {1, 1, channels, filters}, {filters, channels, 1, 1}, [&](const auto& values) {
        return reversed_kernel(std::as_bytes(std::span(values)), 1, channels, filters);
      });
  const auto bias = use_bias ? call.weight(2, "bias", {filters}, {filters}) : "";
  const auto out = call.tensor(use_bias ? "BiasAdd" : "separable_conv2d");
  call.graph.conv(out, between.name, kernel, bias, {});
  return apply_activation(call, call.result(out, {filters, between.shape[1], between.shape[2]}), activation,
                          "mul_2");
}

}  // namespace etalon
