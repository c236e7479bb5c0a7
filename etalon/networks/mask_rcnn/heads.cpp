#include "etalon/networks/mask_rcnn/heads.hpp"

#include <fmt/format.h>

#include <array>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

void check_classes(const LayerWriter& layers, const MaskRcnnFacts& facts, const std::string& layer,
                   std::size_t rank, std::int64_t numbers) {
  const auto name = layer + "/kernel";
  const auto found = layers.weights().shape(name, rank).back();
  if (found == numbers * facts.class_count) return;
  throw Error(Kind::kBadInput,
              found % numbers == 0
                  ? fmt::format("variable '{}' has {} classes, the spec's data_config.num_classes says {}",
                                name, found / numbers, facts.class_count)
                  : fmt::format("variable '{}' has {} columns, expected {} for each of the {} classes of the "
                                "spec's data_config.num_classes",
                                name, found, numbers, facts.class_count),
              "use the spec that the model was trained with; num_classes counts the background");
}

void check_crop_size(const LayerWriter& layers, const MaskRcnnFacts& facts, const FeatureMap& crops) {
  const auto found = layers.weights().shape("fc6/kernel", 2)[0];
  const auto expected = crops.channels * crops.height * crops.width;
  if (found != expected)
    throw Error(
        Kind::kBadInput,
        fmt::format("variable 'fc6/kernel' has {} rows, expected {}: {} channels of {}x{}, a quarter of "
                    "the spec's maskrcnn_config.mrcnn_resolution ({})",
                    found, expected, crops.channels, crops.height, crops.width, facts.mask_size),
        "use the spec that the model was trained with");
}

}  // namespace

void write_box_head(LayerWriter& layers, const MaskRcnnFacts& facts, const FeatureMap& crops) {
  check_crop_size(layers, facts, crops);
  check_classes(layers, facts, "class-predict", 2, 1);
  check_classes(layers, facts, "box-predict", 2, 4);
  auto& graph = layers.graph();
  Rows x{"box_head_reshape1/Reshape", crops.channels * crops.height * crops.width};  // C, H, W: as fc6's rows
  graph.reshape(x.name, crops.name, std::array{std::int64_t{-1}, x.width});
  for (const std::string layer : {"fc6", "fc7"})
    x = layers.relu(layer, layers.dense(layer, x, layer + "/BiasAdd"));
  // The rows go back to their images. "BiasAdd" is the name of what the stages take, so the products in front
  // of it, though they have the bias, take TensorFlow's name of the step before.
  const auto regrouped = [&](const std::string& layer) {
    const auto rows = layers.dense(layer, x, layer + "/MatMul");
    graph.reshape(layer + "/BiasAdd", rows.name,
                  std::array<std::int64_t, 5>{-1, facts.proposals, rows.width, 1, 1});
  };
  regrouped("class-predict");
  regrouped("box-predict");
  constexpr std::int64_t kClassAxis = 2;
  graph.softmax(kClassProbabilities, "class-predict/BiasAdd", kClassAxis);
}

void write_mask_head(LayerWriter& layers, const MaskRcnnFacts& facts, const FeatureMap& crops) {
  check_classes(layers, facts, "mask_fcn_logits", 4, 1);
  auto& graph = layers.graph();
  FeatureMap x = crops;
  x.name = "mask_head_reshape_1/Reshape";
  graph.reshape(x.name, crops.name, std::array{std::int64_t{-1}, x.channels, x.height, x.width});
  for (const std::string layer : {"mask-conv-l0", "mask-conv-l1", "mask-conv-l2", "mask-conv-l3"})
    x = layers.relu(layer, layers.conv(layer, x, 3));
  x = layers.relu("conv5-mask", layers.conv_transpose("conv5-mask", x));
  x = layers.conv("mask_fcn_logits", x, 1, 1, "", "mask_fcn_logits/Conv2D");
  graph.reshape(kMaskLogits, x.name,
                std::array{std::int64_t{-1}, facts.detections, x.channels, x.height, x.width});
}

}  // namespace etalon
