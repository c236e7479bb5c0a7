#include "etalon/networks/mask_rcnn/trunk.hpp"

#include <fmt/format.h>

#include <array>

#include "etalon/base/error.hpp"
#include "etalon/networks/mask_rcnn/variable_names.hpp"

namespace etalon {
namespace {

// Keras numbers the uses of one layer and the layers of one kind: add, add_1, add_2 ...
std::string numbered(const std::string& name, int index) {
  return index == 0 ? name : fmt::format("{}_{}", name, index);
}

// One repeat of a block. The stride sits on the first convolution, also where that is a bottleneck's 1x1.
FeatureMap write_repeat(LayerWriter& layers, const ResNet& net, int block, int repeat, int add_index,
                        const FeatureMap& x) {
  const auto scope = block_scope(block, repeat);
  const std::int64_t stride = repeat == 0 && block > 1 ? 2 : 1;
  auto y = x;
  for (int i = 1; i <= net.convolutions(); ++i) {
    const std::int64_t kernel = net.bottleneck && i != 2 ? 1 : 3;
    y = layers.conv_batch_norm(fmt::format("{}_conv_{}", scope, i), fmt::format("{}_bn_{}", scope, i), y,
                               kernel, i == 1 ? stride : 1);
    if (i < net.convolutions()) y = layers.relu(fmt::format("{}_relu_{}", scope, i), y);
  }
  const auto shortcut =
      repeat == 0 ? layers.conv_batch_norm(scope + "_conv_shortcut", scope + "_bn_shortcut", x, 1, stride)
                  : x;
  return layers.relu(scope + "_relu", layers.add(numbered("add", add_index), y, shortcut));
}

// C2 .. C5.
std::array<FeatureMap, 4> write_backbone(LayerWriter& layers, const ResNet& net, const FeatureMap& input) {
  auto x = layers.relu("activation", layers.conv_batch_norm("conv1", "bn_conv1", input, 7, 2));
  x = layers.max_pool("max_pooling2d", x, 3, 2);
  std::array<FeatureMap, 4> taken;
  int adds = 0;
  for (std::size_t b = 0; b < taken.size(); ++b)
    for (int repeat = 0; repeat < net.repeats[b]; ++repeat) {
      x = write_repeat(layers, net, static_cast<int>(b) + 1, repeat, adds++, x);
      if (repeat == net.taps[b]) taken[b] = x;
    }
  return taken;
}

std::vector<FeatureMap> write_pyramid(LayerWriter& layers, const MaskRcnnFacts& facts,
                                      const std::array<FeatureMap, 4>& backbone) {
  const int count = kHighestBackboneLevel - facts.min_level + 1;
  std::vector<FeatureMap> merged(static_cast<std::size_t>(count));
  for (int i = count - 1; i >= 0; --i) {
    const int level = facts.min_level + i;
    auto& map = merged[static_cast<std::size_t>(i)];
    map = layers.conv(fmt::format("l{}", level), backbone[static_cast<std::size_t>(level - 2)], 1);
    if (i == count - 1) continue;
    const auto above =
        layers.upsample(numbered("nearest_upsampling", i), merged[static_cast<std::size_t>(i + 1)]);
    map = layers.add(fmt::format("FPN_add_{}", level), map, above);
  }
  std::vector<FeatureMap> pyramid;
  for (int i = 0; i < count; ++i)
    pyramid.push_back(layers.conv(fmt::format("post_hoc_d{}", facts.min_level + i),
                                  merged[static_cast<std::size_t>(i)], 3));
  // Two rules by TAO: a pyramid that ends with P6 halves P5 by a pooling, one that ends with P7 convolves.
  if (facts.max_level == 6) {
    pyramid.push_back(layers.max_pool("p6", pyramid.back(), 1, 2));
  } else if (facts.max_level == 7) {
    pyramid.push_back(layers.conv("p6", pyramid.back(), 3, 2));
    pyramid.push_back(layers.conv("p7", layers.relu("p7_relu", pyramid.back()), 3, 2));
  }
  for (std::size_t i = 1; i < pyramid.size(); ++i)
    if (pyramid[i].channels != pyramid[0].channels)
      throw Error(Kind::kBadInput,
                  fmt::format("'{}' has {} channels and '{}' {}: the levels must have the same number",
                              pyramid[0].name, pyramid[0].channels, pyramid[i].name, pyramid[i].channels));
  return pyramid;
}

void check_anchors(const LayerWriter& layers, const MaskRcnnFacts& facts) {
  const std::array<std::pair<std::string, std::int64_t>, 2> heads{{{"rpn-class", 1}, {"rpn-box", 4}}};
  for (const auto& [layer, numbers] : heads) {
    const auto found = layers.weights().shape(layer + "/kernel", 4)[3];
    if (found != numbers * facts.anchors_per_cell())
      throw Error(Kind::kBadInput,
                  fmt::format("variable '{}/kernel' makes {} numbers a cell, expected {}: the spec's "
                              "maskrcnn_config.aspect_ratios ({}) and num_scales ({}) make {} anchors",
                              layer, found, numbers * facts.anchors_per_cell(), facts.aspect_ratios.size(),
                              facts.scales_per_octave, facts.anchors_per_cell()),
                  "use the spec that the model was trained with");
  }
}

}  // namespace

Trunk write_trunk(LayerWriter& layers, const ResNet& net, const MaskRcnnFacts& facts,
                  const FeatureMap& input) {
  Trunk trunk;
  trunk.pyramid = write_pyramid(layers, facts, write_backbone(layers, net, input));
  check_anchors(layers, facts);
  auto& graph = layers.graph();
  // NHWC, as the anchors are counted.
  const auto rows_of_anchors = [&](const std::string& out, const FeatureMap& x, int permute,
                                   std::int64_t numbers) {
    const auto turned = numbered("permute", permute) + "/transpose";
    graph.transpose(turned, x.name, std::array<std::int64_t, 4>{0, 2, 3, 1});
    graph.reshape(
        out, turned,
        std::array{std::int64_t{0}, x.height * x.width * x.channels / numbers, numbers, std::int64_t{1}});
  };
  for (int i = 0; i < facts.levels(); ++i) {
    const auto x =
        layers.relu(numbered("rpn", i),
                    layers.conv("rpn", trunk.pyramid[static_cast<std::size_t>(i)], 3, 1, numbered("rpn", i)));
    const auto level = fmt::format("MLP/multilevel_propose_rois/level_{}", facts.min_level + i);
    const auto score = layers.conv("rpn-class", x, 1, 1, numbered("rpn-class", i));
    rows_of_anchors(level + "/Reshape", score, 2 * i, 1);
    graph.unary("Sigmoid", level + "/Sigmoid", level + "/Reshape");
    trunk.scores.push_back(level + "/Sigmoid");
    const auto delta = layers.conv("rpn-box", x, 1, 1, numbered("rpn-box", i));
    rows_of_anchors(level + "/Reshape_1", delta, 2 * i + 1, 4);
    trunk.deltas.push_back(level + "/Reshape_1");
  }
  return trunk;
}

}  // namespace etalon
