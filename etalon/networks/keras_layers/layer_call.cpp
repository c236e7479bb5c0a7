#include "etalon/networks/keras_layers/layer_call.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

// More elements in one tensor than any network here has; beyond, sizes are damage.
constexpr std::int64_t kMostElements = std::int64_t{1} << 36;

}  // namespace

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

const LoweredTensor& LayerCall::input() const {
  if (inputs.size() != 1)
    throw Error(Kind::kBadInput, fmt::format("has {} inputs, expected one", inputs.size()));
  return inputs.front();
}

ImageShape LayerCall::image() const {
  const auto& shape = input().shape;
  if (shape.size() != 3)
    throw Error(
        Kind::kBadInput,
        fmt::format("its input '{}' has the shape {} (without batch), expected [channels, height, width]",
                    escaped(input().name), shape_text(shape)));
  return {shape[0], shape[1], shape[2]};
}

LoweredTensor LayerCall::result(std::string name, std::vector<std::int64_t> shape, bool non_negative) {
  std::int64_t elements = 1;
  for (const auto extent : shape) {
    if (extent < 1 || extent > kLargestExtent || (elements *= extent) > kMostElements)
      throw Error(Kind::kBadInput, fmt::format("its output would have the shape {}", shape_text(shape)));
  }
  Shape with_batch{batch};
  with_batch.insert(with_batch.end(), shape.begin(), shape.end());
  graph.note_shape(name, with_batch);
  return {std::move(name), std::move(shape), non_negative};
}

void LayerCall::expect_weights(std::size_t count) const {
  if (layer.weights.size() != count)
    throw Error(Kind::kBadInput,
                fmt::format("has {} weights, its configuration needs {}", layer.weights.size(), count));
}

std::string LayerCall::weight(std::size_t index, std::string_view role,
                              const std::vector<std::int64_t>& expected,
                              const std::vector<std::int64_t>& dims, const Arrange& arrange) {
  if (index >= layer.weights.size()) expect_weights(index + 1);
  auto& found = layer.weights[index];
  if (found.shape != expected)
    throw Error(
        Kind::kBadInput,
        fmt::format("its weight '{}' has the shape {}, expected {}", escaped(found.name),
                    shape_text(found.shape), shape_text(expected)),
        "the weights belong to another configuration: a pruned model beside the unpruned one's settings?");
  std::string name = weight_scope + "/" + std::string(role);
  if (graph.has(name) && found.values.empty()) return name;  // an earlier call of this layer put it there
  std::uint64_t count = 1;
  for (const auto extent : expected) count *= static_cast<std::uint64_t>(extent);
  if (found.values.size() != count)
    throw Error(Kind::kBadInput, fmt::format("its weight '{}' has {} values, its shape needs {}",
                                             escaped(found.name), found.values.size(), count));
  graph.raw_floats(
      name, dims,
      arrange ? arrange(found.values) : std::string(as_text(std::as_bytes(std::span(found.values)))));
  std::vector<float>().swap(found.values);  // the model is in memory once
  return name;
}

}  // namespace etalon
