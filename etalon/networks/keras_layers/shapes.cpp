#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "etalon/base/error.hpp"
#include "etalon/networks/keras_layers/layers.hpp"

namespace etalon {
namespace {

// Within 64 bits: LayerCall::result bounds the product of a tensor's extents.
std::int64_t elements_of(const std::vector<std::int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

// ONNX's dims for a shape: 0 keeps the batch as it is.
LoweredTensor reshaped(LayerCall& call, std::vector<std::int64_t> shape) {
  std::vector<std::int64_t> dims{0};
  dims.insert(dims.end(), shape.begin(), shape.end());
  call.graph.reshape(call.tensor("Reshape"), call.input().name, dims);
  return call.result(call.tensor("Reshape"), std::move(shape), call.input().non_negative);
}

}  // namespace

LoweredTensor lower_training_only(LayerCall& call) {
  call.expect_weights(0);  // the configuration (rates, seeds, noise) says nothing about inference
  return call.input();
}

// In the order in which the numbers lie: TAO's patch took Keras' own transposition away.
LoweredTensor lower_flatten(LayerCall& call) {
  LayerConfig config(call.layer.config);
  config.need_channels_first();
  config.finish();
  call.expect_weights(0);
  const auto& x = call.input();
  call.graph.flatten(call.tensor("Reshape"), x.name);
  return call.result(call.tensor("Reshape"), {elements_of(x.shape)}, x.non_negative);
}

LoweredTensor lower_reshape(LayerCall& call) {
  LayerConfig config(call.layer.config);
  auto shape = config.integers("target_shape", -1, kLargestExtent);
  config.finish();
  call.expect_weights(0);
  const auto elements = elements_of(call.input().shape);
  const auto refuse = [&] {
    throw Error(Kind::kBadInput, fmt::format("cannot give its input {} the shape {} (without batch)",
                                             shape_text(call.input().shape), shape_text(shape)));
  };
  std::int64_t known = 1;
  std::ptrdiff_t open = -1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == -1) {
      if (open >= 0) refuse();
      open = static_cast<std::ptrdiff_t>(i);
    } else if (shape[i] == 0 || (known *= shape[i]) > elements) {
      refuse();
    }
  }
  if (elements % known != 0 || (open < 0 && known != elements)) refuse();
  if (open >= 0) shape[static_cast<std::size_t>(open)] = elements / known;
  return reshaped(call, std::move(shape));
}

LoweredTensor lower_permute(LayerCall& call) {
  LayerConfig config(call.layer.config);
  const auto& x = call.input();
  const auto rank = static_cast<std::int64_t>(x.shape.size());
  const auto dims = config.integers("dims", 1, rank);  // 1-based: 0 is the batch
  config.finish();
  call.expect_weights(0);
  std::vector<std::int64_t> permutation{0}, shape, sorted = dims;
  std::sort(sorted.begin(), sorted.end());
  for (std::int64_t i = 0; i < rank; ++i)
    if (static_cast<std::int64_t>(sorted.size()) != rank || sorted[static_cast<std::size_t>(i)] != i + 1)
      throw Error(Kind::kBadInput,
                  fmt::format("'dims' is {}, expected each of 1 to {} once", shape_text(dims), rank));
  for (const auto dim : dims) {
    permutation.push_back(dim);
    shape.push_back(x.shape[static_cast<std::size_t>(dim - 1)]);
  }
  call.graph.transpose(call.tensor("transpose"), x.name, permutation);
  return call.result(call.tensor("transpose"), std::move(shape), x.non_negative);
}

LoweredTensor lower_repeat_vector(LayerCall& call) {
  LayerConfig config(call.layer.config);
  const auto& x = call.input();
  const auto count = config.integer("n", 1, kLargestExtent);
  config.finish();
  call.expect_weights(0);
  if (x.shape.size() != 1)
    throw Error(Kind::kBadInput,
                fmt::format("its input has the shape {}, expected a vector", shape_text(x.shape)));
  call.graph.unsqueeze(call.tensor("ExpandDims"), x.name, 1);
  call.result(call.tensor("ExpandDims"), {1, x.shape[0]});
  call.graph.tile(call.tensor("Tile"), call.tensor("ExpandDims"), std::array<std::int64_t, 3>{1, count, 1});
  return call.result(call.tensor("Tile"), {count, x.shape[0]}, x.non_negative);
}

// A convolution that follows takes the zeros over (pass fold-pad).
LoweredTensor lower_zero_padding2d(LayerCall& call) {
  const auto image = call.image();
  LayerConfig config(call.layer.config);
  config.need_channels_first();
  const auto* value = config.find("padding");
  Pads pads{1, 1, 1, 1};  // Keras' default
  const auto pair = [&](const nlohmann::json& both) {
    LayerConfig inner(both);
    return inner.integers("padding", 0, kLargestExtent);
  };
  if (value && value->is_number()) {
    const auto all = config.integer("padding", 0, kLargestExtent);
    pads = {all, all, all, all};
  } else if (value && value->is_array() && value->size() == 2 && (*value)[0].is_array()) {
    const auto rows = pair({{"padding", (*value)[0]}}), columns = pair({{"padding", (*value)[1]}});
    if (rows.size() != 2 || columns.size() != 2)
      throw Error(Kind::kBadInput, "'padding' is not ((top, bottom), (left, right))");
    pads = {rows[0], columns[0], rows[1], columns[1]};
  } else if (value) {
    const auto both = config.integers("padding", 0, kLargestExtent);
    if (both.size() != 2) throw Error(Kind::kBadInput, "'padding' is not ((top, bottom), (left, right))");
    pads = {both[0], both[1], both[0], both[1]};
  }
  config.finish();
  call.expect_weights(0);
  if (pads.none()) {
    auto same = call.input();
    same.tensorflow_name = call.tensor("Pad");
    return same;
  }
  call.graph.pad(call.tensor("Pad"), call.input().name, pads);
  return call.result(
      call.tensor("Pad"),
      {image.channels, image.height + pads.top + pads.bottom, image.width + pads.left + pads.right},
      call.input().non_negative);
}

LoweredTensor lower_up_sampling2d(LayerCall& call) {
  const auto image = call.image();
  LayerConfig config(call.layer.config);
  config.need_channels_first();
  const auto factors = config.extent_pair("size", {2, 2});
  const auto interpolation = config.text("interpolation", "nearest");
  config.finish();
  call.expect_weights(0);
  if (interpolation != "nearest" && interpolation != "bilinear")
    throw Error(Kind::kUnsupported,
                fmt::format("'interpolation' is '{}', expected nearest or bilinear", escaped(interpolation)));
  const bool linear = interpolation == "bilinear";
  const auto out = call.tensor(linear ? "ResizeBilinear" : "ResizeNearestNeighbor");
  call.graph.upsample(out, call.input().name, factors, linear);
  return call.result(out, {image.channels, image.height * factors[0], image.width * factors[1]},
                     call.input().non_negative);
}

}  // namespace etalon
