#include "etalon/networks/mask_rcnn/describe_checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "etalon/base/bytes.hpp"
#include "etalon/networks/mask_rcnn/checkpoint_weights.hpp"
#include "etalon/networks/mask_rcnn/resnets.hpp"

namespace etalon {
namespace {

using Names = std::set<std::string>;

// A checkpoint that misses more of a ResNet's convolutions, or has more besides, than one in so many, is not
// of that ResNet.
constexpr std::size_t kOneDifferenceIn = 4;

constexpr std::string_view kKernel = "/kernel";

Names convolutions_of(const TfCheckpoint& checkpoint) {
  Names names;
  for (const auto& variable : checkpoint.variables)
    if (variable.name.starts_with("block_") && variable.name.ends_with(kKernel)) names.insert(variable.name);
  return names;
}

// Names and full widths of the convolutions in the blocks.
std::vector<std::pair<std::string, std::int64_t>> convolutions_of(const ResNet& net) {
  std::vector<std::pair<std::string, std::int64_t>> all;
  for (int block = 1; block <= 4; ++block)
    for (int repeat = 0; repeat < net.repeats[static_cast<std::size_t>(block - 1)]; ++repeat) {
      const auto scope = block_scope(block, repeat);
      for (int i = 1; i <= net.convolutions(); ++i)
        all.emplace_back(fmt::format("{}_conv_{}{}", scope, i, kKernel), net.full_width(block, i));
      if (repeat == 0)
        all.emplace_back(fmt::format("{}_conv_shortcut{}", scope, kKernel),
                         net.full_width(block, net.convolutions()));
    }
  return all;
}

std::size_t differences(const Names& found, const ResNet& net) {
  Names expected;
  for (const auto& [name, width] : convolutions_of(net)) expected.insert(name);
  std::vector<std::string> differing;
  std::ranges::set_symmetric_difference(found, expected, std::back_inserter(differing));
  return differing.size();
}

// The last axis of a kernel: what it makes.
std::int64_t width_of(const TfCheckpoint& checkpoint, const std::string& layer) {
  const auto* kernel = checkpoint.find(layer + std::string(kKernel));
  return kernel && !kernel->shape.empty() ? kernel->shape.back() : 0;
}

bool is_narrower(const TfCheckpoint& checkpoint, const std::string& kernel, std::int64_t full) {
  const auto* found = checkpoint.find(kernel);
  return found && !found->shape.empty() && found->shape.back() < full;
}

bool is_pruned(const TfCheckpoint& checkpoint, const ResNet& net) {
  constexpr std::int64_t kStemWidth = 64, kNeckAndHeadWidth = 256;
  auto layers = convolutions_of(net);
  layers.emplace_back("conv1/kernel", kStemWidth);
  for (const std::string layer :
       {"l2", "l3", "l4", "l5", "post_hoc_d2", "post_hoc_d3", "post_hoc_d4", "post_hoc_d5", "rpn",
        "mask-conv-l0", "mask-conv-l1", "mask-conv-l2", "mask-conv-l3"})
    layers.emplace_back(layer + std::string(kKernel), kNeckAndHeadWidth);
  return std::ranges::any_of(
      layers, [&](const auto& layer) { return is_narrower(checkpoint, layer.first, layer.second); });
}

bool belongs_to_network(const CheckpointVariable& variable) {
  for (const std::string_view role :
       {"/kernel", "/bias", "/gamma", "/beta", "/moving_mean", "/moving_variance"})
    if (variable.name.ends_with(role)) return true;
  return false;
}

}  // namespace

std::optional<MaskRcnnDescription> describe_mask_rcnn(const TfCheckpoint& checkpoint) {
  if (!checkpoint.find("rpn/kernel") && !checkpoint.find("fc6/kernel") &&
      !checkpoint.find("mask_fcn_logits/kernel"))
    return std::nullopt;
  MaskRcnnDescription seen;
  const auto found = convolutions_of(checkpoint);
  const auto nearest =
      std::ranges::min_element(resnets(), {}, [&](const ResNet& net) { return differences(found, net); });
  const auto off = differences(found, *nearest);
  if (off * kOneDifferenceIn <= convolutions_of(*nearest).size()) {
    seen.layers = nearest->layers;
    seen.complete = off == 0;
    seen.pruned = is_pruned(checkpoint, *nearest);
    for (std::size_t b = 0; b < seen.backbone_widths.size(); ++b)
      seen.backbone_widths[b] = width_of(
          checkpoint, fmt::format("{}_conv_{}", block_scope(static_cast<int>(b) + 1, nearest->taps[b]),
                                  nearest->convolutions()));
  }
  for (int level = 5; level >= 2 && seen.pyramid_width == 0; --level)
    seen.pyramid_width = width_of(checkpoint, fmt::format("post_hoc_d{}", level));
  seen.head_width = width_of(checkpoint, "fc7");
  seen.class_count = width_of(checkpoint, "class-predict");
  seen.anchors_per_cell =
      static_cast<int>(std::min<std::int64_t>(width_of(checkpoint, "rpn-class"), 1 << 16));
  for (const auto& variable : checkpoint.variables) {
    if (is_optimizer_slot(variable.name)) ++seen.optimizer_slots;
    if (belongs_to_network(variable)) seen.parameter_count += number_count(variable.shape);
  }
  const auto* step = checkpoint.find("global_step");
  if (step && step->type == CheckpointType::kInt64 && step->shape.empty())
    seen.step = static_cast<std::int64_t>(ByteCursor(checkpoint.bytes(*step)).u64("global_step"));
  return seen;
}

}  // namespace etalon
