#include <algorithm>

#include "etalon/base/error.hpp"
#include "etalon/networks/keras_layers/activation_functions.hpp"
#include "etalon/networks/keras_layers/layers.hpp"
#include "etalon/networks/kernel_layout.hpp"
#include "etalon/networks/padding_rules.hpp"

namespace etalon {
namespace {

// Rows of a transposed convolution's output, as Keras 2.2.4 computes them (conv_utils.deconv_output_length).
std::int64_t transposed_output(std::int64_t size, std::int64_t kernel, std::int64_t stride, bool same,
                               const std::int64_t* output_padding) {
  if (output_padding) return (size - 1) * stride + kernel - 2 * (same ? kernel / 2 : 0) + *output_padding;
  return same ? size * stride : size * stride + std::max<std::int64_t>(kernel - stride, 0);
}

}  // namespace

LoweredTensor lower_conv2d(LayerCall& call) {
  const auto image = call.image();
  LayerConfig config(call.layer.config);
  config.need_channels_first();
  const auto filters = config.integer("filters", 1, kLargestExtent);
  ConvWindow window;
  window.kernel = config.extent_pair("kernel_size", {1, 1});
  window.strides = config.extent_pair("strides", {1, 1});
  window.dilations = config.extent_pair("dilation_rate", {1, 1});
  const bool same = config.padding_is_same();
  const bool use_bias = config.flag("use_bias", true);
  const auto activation = config.text("activation", "linear");
  config.integer("groups", 1, 1, 1);
  config.finish();

  call.expect_weights(use_bias ? 2 : 1);
  const auto [kh, kw] = window.kernel;
  const auto kernel = call.weight(0, "kernel", {kh, kw, image.channels, filters},
                                  {filters, image.channels, kh, kw}, [&](const auto& values) {
                                    return reversed_kernel(std::as_bytes(std::span(values)), kh * kw,
                                                           image.channels, filters);
                                  });
  const auto bias = use_bias ? call.weight(1, "bias", {filters}, {filters}) : "";

  const auto plan = same ? plan_conv_same : plan_valid;
  const auto rows = plan({image.height, kh, window.strides[0], window.dilations[0]});
  const auto columns = plan({image.width, kw, window.strides[1], window.dilations[1]});
  window.pads = {rows.begin, columns.begin, rows.end, columns.end};
  const auto out = call.tensor(use_bias ? "BiasAdd" : "convolution");
  call.graph.conv(out, call.input().name, kernel, bias, window);
  return apply_activation(call, call.result(out, {filters, rows.output, columns.output}), activation,
                          "mul_2");
}

LoweredTensor lower_conv2d_transpose(LayerCall& call) {
  const auto image = call.image();
  LayerConfig config(call.layer.config);
  config.need_channels_first();
  const auto filters = config.integer("filters", 1, kLargestExtent);
  ConvWindow window;
  window.kernel = config.extent_pair("kernel_size", {1, 1});
  window.strides = config.extent_pair("strides", {1, 1});
  if (config.extent_pair("dilation_rate", {1, 1}) != HeightWidth{1, 1})
    throw Error(Kind::kUnsupported, "is a dilated transposed convolution, which is not supported");
  const bool same = config.padding_is_same();
  const bool use_bias = config.flag("use_bias", true);
  const auto activation = config.text("activation", "linear");
  const auto* given = config.find("output_padding");
  std::vector<std::int64_t> output_padding;
  if (given && given->is_number())
    output_padding.assign(2, config.integer("output_padding", 0, kLargestExtent));
  else if (given)
    output_padding = config.integers("output_padding", 0, kLargestExtent);
  if (given && output_padding.size() != 2)
    throw Error(Kind::kBadInput, "'output_padding' has not two numbers");
  config.integer("groups", 1, 1, 1);
  config.finish();

  call.expect_weights(use_bias ? 2 : 1);
  const auto [kh, kw] = window.kernel;
  const auto kernel = call.weight(0, "kernel", {kh, kw, filters, image.channels},
                                  {image.channels, filters, kh, kw}, [&](const auto& values) {
                                    return reversed_kernel(std::as_bytes(std::span(values)), kh * kw, filters,
                                                           image.channels);
                                  });
  const auto bias = use_bias ? call.weight(1, "bias", {filters}, {filters}) : "";

  const auto plan = [&](std::size_t axis, std::int64_t size) {
    const AxisWindow along{size, window.kernel[axis], window.strides[axis]};
    return plan_transposed(
        along,
        transposed_output(size, along.kernel, along.stride, same, given ? &output_padding[axis] : nullptr),
        same);
  };
  const auto rows = plan(0, image.height), columns = plan(1, image.width);
  window.pads = {rows.begin, columns.begin, rows.end, columns.end};
  const auto out = call.tensor(use_bias ? "BiasAdd" : "conv2d_transpose");
  call.graph.conv_transpose(out, call.input().name, kernel, bias, window,
                            {rows.output_padding, columns.output_padding});
  return apply_activation(call, call.result(out, {filters, rows.output, columns.output}), activation,
                          "mul_2");
}

}  // namespace etalon
