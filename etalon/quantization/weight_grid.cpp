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

}  // namespace

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

void round_to_channel_grids(std::vector<float>& weights, const ChannelLayout& layout) {
  const auto& [outer, channels, inner, groups] = layout;
  if (weights.size() != outer * channels * inner || outer % groups != 0)
    throw Error(Kind::kInternal, "weights do not have the size of their layout");
  std::vector<float> steps(groups * channels, 0.0F);
  // Calls visit(a number, its channel's step).
  const auto for_each = [&](auto&& visit) {
    std::size_t i = 0;
    for (std::uint64_t o = 0; o < outer; ++o)
      for (std::uint64_t c = 0; c < channels; ++c)
        for (std::uint64_t k = 0; k < inner; ++k, ++i)
          visit(weights[i], steps[o / (outer / groups) * channels + c]);
  };
  for_each([](float& weight, float& largest) {
    if (!std::isfinite(weight))
      throw Error(Kind::kBadInput, fmt::format("it holds {}, expected finite numbers", weight));
    largest = std::max(largest, std::abs(weight));
  });
  for (float& step : steps) step = std::max(step, kSmallestRange) / kInt8Steps;
  for_each([](float& weight, float& step) {
    weight = std::clamp(std::nearbyint(weight / step), -kInt8Steps, kInt8Steps) * step;
  });
}

}  // namespace etalon
