#include "etalon/quantization/weight_grid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "etalon/base/error.hpp"
#include "etalon/onnx/graph_index.hpp"

namespace etalon {
namespace {

constexpr float kInt8Steps = 127.0F;      // TensorRT's INT8 is symmetric: -128 is not used
constexpr float kSmallestRange = 1e-12F;  // keeps the step of a channel of zeros above 0

std::uint64_t product(const TensorProto& tensor, int first, int last) {
  std::uint64_t out = 1;  // element_count() has checked that all dimensions together do not overflow
  for (int i = first; i < last; ++i) out *= static_cast<std::uint64_t>(tensor.dims(i));
  return out;
}

// Calls visit(position of a number, its channel) for all numbers.
template <class Visit>
void for_each(const std::vector<float>& weights, const ChannelLayout& layout, Visit&& visit) {
  const auto& [outer, channels, inner, groups] = layout;
  if (weights.size() != outer * channels * inner || outer % groups != 0)
    throw Error(Kind::kInternal, "weights do not have the size of their layout");
  std::size_t i = 0;
  for (std::uint64_t o = 0; o < outer; ++o)
    for (std::uint64_t c = 0; c < channels; ++c)
      for (std::uint64_t k = 0; k < inner; ++k, ++i) visit(i, o / (outer / groups) * channels + c);
}

}  // namespace

bool has_weights(const NodeProto& node) {
  const std::string& op = node.op_type();
  return (node.domain().empty() || node.domain() == "ai.onnx") &&
         (op == "Conv" || op == "ConvTranspose" || op == "Gemm" || op == "MatMul");
}

std::optional<ChannelLayout> channel_layout(const NodeProto& node, const TensorProto& weight) {
  const std::string& op = node.op_type();
  const bool convolution = op == "Conv" || op == "ConvTranspose";
  if (!convolution && op != "Gemm" && op != "MatMul") return std::nullopt;
  const std::uint64_t count = element_count(weight);
  const int rank = weight.dims_size();
  const bool rank_fits = convolution ? rank >= 3 : op == "Gemm" ? rank == 2 : rank >= 1;
  if (!rank_fits)
    throw Error(Kind::kBadInput,
                fmt::format("the weight '{}' of a {} has {} dimensions", escaped(weight.name()), op, rank));
  if (count == 0)
    throw Error(Kind::kBadInput, fmt::format("the weight '{}' is empty", escaped(weight.name())));
  if (op == "Conv" || (op == "Gemm" && int_attribute(node, "transB", 0) != 0))
    return ChannelLayout{1, product(weight, 0, 1), product(weight, 1, rank), 1};
  if (op == "MatMul" && rank == 1) return ChannelLayout{1, 1, count, 1};
  if (op != "ConvTranspose")
    return ChannelLayout{product(weight, 0, rank - 1), product(weight, rank - 1, rank), 1, 1};

  const std::int64_t groups = int_attribute(node, "group", 1);
  const std::uint64_t inputs = product(weight, 0, 1);
  if (groups < 1 || inputs % static_cast<std::uint64_t>(groups) != 0)
    throw Error(Kind::kBadInput,
                fmt::format("the weight '{}' has {} input channels, which do not fall into {} groups",
                            escaped(weight.name()), inputs, groups));
  return ChannelLayout{inputs, product(weight, 1, 2), product(weight, 2, rank),
                       static_cast<std::uint64_t>(groups)};
}

std::vector<float> channel_steps(const std::vector<float>& weights, const ChannelLayout& layout) {
  std::vector<float> steps(layout.groups * layout.channels, 0.0F);
  for_each(weights, layout, [&](std::size_t i, std::size_t channel) {
    if (!std::isfinite(weights[i]))
      throw Error(Kind::kBadInput, fmt::format("it holds {}, expected finite numbers", weights[i]));
    steps[channel] = std::max(steps[channel], std::abs(weights[i]));
  });
  for (float& step : steps) step = (step == 0 ? 1.0F : std::max(step, kSmallestRange)) / kInt8Steps;
  return steps;
}

std::vector<std::int8_t> in_steps(const std::vector<float>& weights, const ChannelLayout& layout,
                                  const std::vector<float>& steps, int lowest) {
  if (steps.size() != layout.groups * layout.channels)
    throw Error(Kind::kInternal, "steps do not fit the layout");
  std::vector<std::int8_t> integers(weights.size());
  for_each(weights, layout, [&](std::size_t i, std::size_t channel) {
    integers[i] = static_cast<std::int8_t>(
        std::clamp(std::nearbyint(weights[i] / steps[channel]), static_cast<float>(lowest), kInt8Steps));
  });
  return integers;
}

void round_to_channel_grids(std::vector<float>& weights, const ChannelLayout& layout) {
  const std::vector<float> steps = channel_steps(weights, layout);
  const std::vector<std::int8_t> integers = in_steps(weights, layout, steps);
  for_each(weights, layout, [&](std::size_t i, std::size_t channel) {
    weights[i] = static_cast<float>(integers[i]) * steps[channel];
  });
}

}  // namespace etalon
