#include "etalon/networks/mask_rcnn/layer_writer.hpp"

#include <fmt/format.h>

#include <array>

#include "etalon/base/error.hpp"
#include "etalon/networks/padding_rules.hpp"

namespace etalon {
namespace {

constexpr float kBatchNormEpsilon = 0.001F;  // docs/networks/mask_rcnn.md, "Backbone"

std::string makes(const std::string& layer, std::int64_t channels) {
  return fmt::format("'{}/kernel' makes {} channels", layer, channels);
}
std::string has(const FeatureMap& x) { return fmt::format("'{}' has {} channels", x.name, x.channels); }

}  // namespace

std::string LayerWriter::kernel(const std::string& layer, std::span<const std::int64_t> onnx_dims) {
  auto name = layer + "/kernel";
  if (!graph_.has(name)) graph_.raw_floats(name, onnx_dims, weights_.reversed(name));
  return name;
}

std::string LayerWriter::vector(const std::string& name, std::int64_t size, const std::string& why) {
  if (graph_.has(name)) return name;
  weights_.shape(name, Shape{size}, why);
  graph_.raw_floats(name, std::array{size}, weights_.plain(name));
  return name;
}

FeatureMap LayerWriter::convolve(const std::string& out, const std::string& layer, const FeatureMap& x,
                                 std::int64_t size, std::int64_t stride, bool biased) {
  const auto& shape = weights_.shape(layer + "/kernel", Shape{size, size, x.channels, std::nullopt}, has(x));
  const std::int64_t filters = shape[3];
  const auto name = kernel(layer, std::array{filters, x.channels, size, size});
  const auto bias = biased ? vector(layer + "/bias", filters, makes(layer, filters)) : "";
  const auto rows = plan_tensorflow_same({x.height, size, stride});
  const auto columns = plan_tensorflow_same({x.width, size, stride});
  graph_.conv(out, x.name, name, bias,
              {.kernel = {size, size},
               .strides = {stride, stride},
               .pads = {rows.begin, columns.begin, rows.end, columns.end}});
  return {out, filters, rows.output, columns.output};
}

FeatureMap LayerWriter::conv(const std::string& layer, const FeatureMap& x, std::int64_t kernel,
                             std::int64_t stride, const std::string& scope, const std::string& out) {
  return convolve(out.empty() ? (scope.empty() ? layer : scope) + "/BiasAdd" : out, layer, x, kernel, stride,
                  true);
}

FeatureMap LayerWriter::conv_batch_norm(const std::string& layer, const std::string& batch_norm,
                                        const FeatureMap& x, std::int64_t kernel, std::int64_t stride) {
  auto y = convolve(layer + "/Conv2D", layer, x, kernel, stride, false);
  const auto why = makes(layer, y.channels);
  const auto gamma = vector(batch_norm + "/gamma", y.channels, why);
  const auto beta = vector(batch_norm + "/beta", y.channels, why);
  const auto mean = vector(batch_norm + "/moving_mean", y.channels, why);
  const auto variance = vector(batch_norm + "/moving_variance", y.channels, why);
  const auto out = batch_norm + "/FusedBatchNormV3";
  graph_.batch_normalization(out, y.name, gamma, beta, mean, variance, kBatchNormEpsilon);
  y.name = out;
  return y;
}

FeatureMap LayerWriter::conv_transpose(const std::string& layer, const FeatureMap& x) {
  const auto& shape = weights_.shape(layer + "/kernel", Shape{2, 2, std::nullopt, x.channels}, has(x));
  const std::int64_t filters = shape[2];
  const auto name = kernel(layer, std::array<std::int64_t, 4>{x.channels, filters, 2, 2});
  const auto bias = vector(layer + "/bias", filters, makes(layer, filters));
  const auto out = layer + "/BiasAdd";
  graph_.conv_transpose(out, x.name, name, bias, {.kernel = {2, 2}, .strides = {2, 2}, .pads = {}}, {0, 0});
  return {out, filters, 2 * x.height, 2 * x.width};
}

FeatureMap LayerWriter::relu(const std::string& scope, const FeatureMap& x) {
  graph_.relu(scope + "/Relu", x.name);
  return {scope + "/Relu", x.channels, x.height, x.width};
}

Rows LayerWriter::relu(const std::string& scope, const Rows& x) {
  graph_.relu(scope + "/Relu", x.name);
  return {scope + "/Relu", x.width};
}

// TensorFlow pads a max pooling with minus infinity, and so does ONNX.
FeatureMap LayerWriter::max_pool(const std::string& scope, const FeatureMap& x, std::int64_t kernel,
                                 std::int64_t stride) {
  const auto rows = plan_tensorflow_same({x.height, kernel, stride});
  const auto columns = plan_tensorflow_same({x.width, kernel, stride});
  graph_.max_pool(scope + "/MaxPool", x.name,
                  {.kernel = {kernel, kernel},
                   .strides = {stride, stride},
                   .pads = {rows.begin, columns.begin, rows.end, columns.end}});
  return {scope + "/MaxPool", x.channels, rows.output, columns.output};
}

FeatureMap LayerWriter::upsample(const std::string& out, const FeatureMap& x) {
  graph_.upsample(out, x.name, {2, 2}, false);
  return {out, x.channels, 2 * x.height, 2 * x.width};
}

FeatureMap LayerWriter::add(const std::string& scope, const FeatureMap& a, const FeatureMap& b) {
  if (a.channels != b.channels)
    throw Error(Kind::kBadInput, fmt::format("'{}' has {} channels and '{}' {}: they cannot be added ('{}')",
                                             a.name, a.channels, b.name, b.channels, scope));
  graph_.add(scope + "/add", a.name, b.name);
  return {scope + "/add", a.channels, a.height, a.width};
}

Rows LayerWriter::dense(const std::string& layer, const Rows& x, const std::string& out) {
  const auto& shape = weights_.shape(layer + "/kernel", Shape{x.width, std::nullopt},
                                     fmt::format("'{}' has {} columns", x.name, x.width));
  const std::int64_t width = shape[1];
  const auto name = kernel(layer, std::array{width, x.width});
  const auto bias = vector(layer + "/bias", width, fmt::format("'{}/kernel' makes {} columns", layer, width));
  graph_.gemm(out, x.name, name, bias);
  return {out, width};
}

}  // namespace etalon
