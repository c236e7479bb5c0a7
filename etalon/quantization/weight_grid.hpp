// A layer's weights rounded to one 8-bit grid an output channel.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "etalon/onnx/model.hpp"

namespace etalon {

// Which numbers of a weight tensor belong to one output channel, the tensor seen as outer x channels x inner.
// With groups, the outer axis (input channels) falls into as many runs, each with output channels of its own.
struct ChannelLayout {
  std::uint64_t outer = 1, channels = 1, inner = 1, groups = 1;
  bool operator==(const ChannelLayout&) const = default;
};

// Conv [out, in/group, ...]; ConvTranspose [in, out/group, ...]; Gemm [in, out], with transB [out, in];
// MatMul
// [..., in, out]. nullopt for other operators. Error (kBadInput): the shape fits no such layer.
std::optional<ChannelLayout> channel_layout(const NodeProto& node, const TensorProto& weight);

// Every number to the nearest of -127 .. 127 steps of its channel, half to even; a step is max|w| / 127, at
// least 1e-12 / 127 (a channel of zeros stays zero). All in float32. Error (kBadInput): a number is not
// finite.
void round_to_channel_grids(std::vector<float>& weights, const ChannelLayout& layout);

}  // namespace etalon
