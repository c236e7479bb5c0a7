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

// Whether the node is one of ONNX's own Conv, ConvTranspose, Gemm and MatMul.
bool has_weights(const NodeProto& node);

// Conv [out, in/group, ...]; ConvTranspose [in, out/group, ...]; Gemm [in, out], with transB [out, in];
// MatMul [..., in, out]. nullopt for other operators. Error (kBadInput): the shape fits no such layer.
std::optional<ChannelLayout> channel_layout(const NodeProto& node, const TensorProto& weight);

// The real value of one integer step, by output channel (groups x channels): max|w| / 127, at least 1e-12 /
// 127; of a channel of zeros 1 / 127. In float32, always a normal number. Error (kBadInput): a number is not
// finite.
std::vector<float> channel_steps(const std::vector<float>& weights, const ChannelLayout& layout);

// Each number in steps of its channel, the nearest of `lowest` .. 127, half to even. -128 is for grids that
// training fixed (docs/networks/detectnet_v2.md): TensorFlow's begins there.
std::vector<std::int8_t> in_steps(const std::vector<float>& weights, const ChannelLayout& layout,
                                  const std::vector<float>& steps, int lowest = -127);

// Every number to the nearest of -127 .. 127 steps of its channel, half to even (channel_steps).
// All in float32. Error (kBadInput): a number is not finite.
void round_to_channel_grids(std::vector<float>& weights, const ChannelLayout& layout);

}  // namespace etalon
