#include <fmt/format.h>

#include "etalon/base/error.hpp"
#include "etalon/networks/keras_layers/layers.hpp"
#include "etalon/networks/padding_rules.hpp"

namespace etalon {
namespace {

struct Pooling {
  PoolWindow window;
  std::int64_t height = 0, width = 0;  // of the output
};

Pooling pooling_of(LayerCall& call) {
  const auto image = call.image();
  LayerConfig config(call.layer.config);
  config.need_channels_first();
  Pooling pooling;
  auto& window = pooling.window;
  window.kernel = config.extent_pair("pool_size", {2, 2});
  window.strides = config.extent_pair("strides", window.kernel);
  const auto plan = config.padding_is_same() ? plan_pool_same : plan_valid;
  config.finish();
  call.expect_weights(0);
  const auto rows = plan({image.height, window.kernel[0], window.strides[0]});
  const auto columns = plan({image.width, window.kernel[1], window.strides[1]});
  window.pads = {rows.begin, columns.begin, rows.end, columns.end};
  pooling.height = rows.output;
  pooling.width = columns.output;
  return pooling;
}

LoweredTensor lower_global_pooling(LayerCall& call, std::string_view op,
                                   void (GraphBuilder::*pool)(const std::string&, const std::string&)) {
  const auto image = call.image();
  LayerConfig config(call.layer.config);
  config.need_channels_first();
  const bool keep_dims = config.flag("keepdims", false);
  config.finish();
  call.expect_weights(0);
  const auto out = call.tensor(op);
  (call.graph.*pool)(out, call.input().name);
  const auto pooled = call.result(out, {image.channels, 1, 1}, call.input().non_negative);
  if (keep_dims) return pooled;
  // Keras drops the two axes. A Reshape that brings them back cancels this one (pass drop-identities).
  call.graph.flatten(out + "/flat", out);
  auto flat = call.result(out + "/flat", {image.channels}, pooled.non_negative);
  flat.tensorflow_name = out;
  return flat;
}

}  // namespace

// The zeros of a padded max pooling take part in training: a border of negative numbers gives 0 there. ONNX's
// own pads are minus infinity, which is the same only for an input that is never negative.
LoweredTensor lower_max_pooling2d(LayerCall& call) {
  auto pooling = pooling_of(call);
  auto x = call.input();
  const bool padded = !pooling.window.pads.none();
  if (padded && !x.non_negative) {
    const auto& pads = pooling.window.pads;
    call.graph.pad(call.tensor("Pad"), x.name, pads);
    x = call.result(call.tensor("Pad"),
                    {x.shape[0], x.shape[1] + pads.top + pads.bottom, x.shape[2] + pads.left + pads.right});
    pooling.window.pads = {};
  }
  const auto out = call.tensor("MaxPool");
  call.graph.max_pool(out, x.name, pooling.window);
  return call.result(out, {x.shape[0], pooling.height, pooling.width}, x.non_negative);
}

LoweredTensor lower_average_pooling2d(LayerCall& call) {
  const auto pooling = pooling_of(call);
  const auto& x = call.input();
  const auto out = call.tensor("AvgPool");
  call.graph.average_pool(out, x.name, pooling.window);
  return call.result(out, {x.shape[0], pooling.height, pooling.width}, x.non_negative);
}

LoweredTensor lower_global_average_pooling2d(LayerCall& call) {
  return lower_global_pooling(call, "Mean", &GraphBuilder::global_average_pool);
}
LoweredTensor lower_global_max_pooling2d(LayerCall& call) {
  return lower_global_pooling(call, "Max", &GraphBuilder::global_max_pool);
}

}  // namespace etalon
