#include "etalon/networks/mask_rcnn/mask_rcnn.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "etalon/base/error.hpp"
#include "etalon/networks/mask_rcnn/describe_checkpoint.hpp"
#include "etalon/networks/mask_rcnn/heads.hpp"
#include "etalon/networks/mask_rcnn/layer_writer.hpp"
#include "etalon/networks/mask_rcnn/stages.hpp"
#include "etalon/networks/mask_rcnn/trunk.hpp"
#include "etalon/networks/mask_rcnn/variable_names.hpp"
#include "etalon/networks/metadata.hpp"
#include "etalon/onnx/passes.hpp"

namespace etalon {
namespace {

// The names of NVIDIA's exported graph.
constexpr const char* kInput = "Input";
constexpr const char* kProposals = "multilevel_propose_rois";
constexpr const char* kBoxCrops = "pyramid_crop_and_resize_box";
constexpr const char* kDetections = "generate_detections";
constexpr const char* kDetectedBoxes = "mrcnn_detection_bboxes";
constexpr const char* kCells = "pyramid_cells";  // the portable crops' own
constexpr const char* kMaskCrops = "pyramid_crop_and_resize_mask";

constexpr std::int64_t kNumbersPerDetection = 6;  // y1, x1, y2, x2, class, score

void check_options(const MaskRcnnOptions& options) {
  constexpr std::int64_t kLargestBatch = 1 << 16;
  if (options.static_batch_size &&
      (*options.static_batch_size < 1 || *options.static_batch_size > kLargestBatch))
    throw Error(Kind::kWrongUsage, fmt::format("the static batch size is {}, expected 1 to {}",
                                               *options.static_batch_size, kLargestBatch));
}

// What this code relies on; which values are sensible is for the spec's checks.
void check_facts(const MaskRcnnFacts& facts) {
  if (!find_resnet(facts.layers))
    throw Error(Kind::kUnsupported,
                fmt::format("the spec's maskrcnn_config.nlayers is {}, expected 10, 18, 34, 50 or 101",
                            facts.layers));
  if (facts.min_level < 2 || facts.min_level > kHighestBackboneLevel ||
      facts.max_level < kHighestBackboneLevel || facts.max_level > 7)
    throw Error(
        Kind::kUnsupported,
        fmt::format("the spec's maskrcnn_config.min_level and max_level are {} and {}, expected 2 to {} "
                    "and {} to 7",
                    facts.min_level, facts.max_level, kHighestBackboneLevel, kHighestBackboneLevel));
  constexpr std::int64_t kLargestSide = 1 << 16;
  const std::int64_t stride = std::int64_t{1} << facts.max_level;
  for (const auto side : {facts.height, facts.width})
    if (side < stride || side > kLargestSide || side % stride != 0)
      throw Error(Kind::kBadInput,
                  fmt::format("the spec's data_config.image_size is ({}, {}), expected multiples of {}",
                              facts.height, facts.width, stride));
  constexpr std::int64_t kMost = 1 << 20;
  const auto in_range = [](std::int64_t value) { return value >= 1 && value <= kMost; };
  if (!in_range(facts.class_count) || !in_range(facts.proposals) || !in_range(facts.detections))
    throw Error(Kind::kBadInput,
                fmt::format("the spec asks for {} classes, {} proposals and {} detections, expected 1 to {}",
                            facts.class_count, facts.proposals, facts.detections, kMost));
  if (facts.mask_size < 4 || facts.mask_size > kLargestSide || facts.mask_size % 4 != 0)
    throw Error(Kind::kBadInput,
                fmt::format("the spec's maskrcnn_config.mrcnn_resolution is {}, expected a multiple of 4",
                            facts.mask_size));
  if (facts.scales_per_octave < 1 || facts.scales_per_octave > 64 || facts.aspect_ratios.empty() ||
      facts.aspect_ratios.size() > 64)
    throw Error(
        Kind::kBadInput,
        fmt::format("the spec's maskrcnn_config has {} num_scales and {} aspect_ratios, expected 1 to 64",
                    facts.scales_per_octave, facts.aspect_ratios.size()));
}

[[noreturn]] void refuse_other_network(const TfCheckpoint& checkpoint) {
  for (const auto& variable : checkpoint.variables)
    for (const std::string_view known : {"/rpn/kernel", "/fc6/kernel", "/mask_fcn_logits/kernel"})
      if (variable.name.ends_with(known))
        throw Error(Kind::kUnsupported,
                    fmt::format("the names of its variables are not known ('{}'): they have scopes, as TLT 2 "
                                "wrote them",
                                escaped(variable.name)),
                    "retrain or resave it with TAO 3 or newer");
  throw Error(
      Kind::kBadInput,
      fmt::format("this is not a Mask R-CNN: none of its {} variables is 'rpn/kernel', 'fc6/kernel' or "
                  "'mask_fcn_logits/kernel'{}",
                  checkpoint.variables.size(),
                  checkpoint.variables.empty()
                      ? ""
                      : fmt::format("; the first is '{}'", escaped(checkpoint.variables.front().name))));
}

// The variables are all there, or an Error says what they look like. Returns how many numbers they have.
std::uint64_t check_variables(const TfCheckpoint& checkpoint, const MaskRcnnFacts& facts) {
  const auto seen = describe_mask_rcnn(checkpoint);
  if (!seen) refuse_other_network(checkpoint);
  if (seen->layers != 0 && seen->layers != facts.layers)
    throw Error(
        Kind::kBadInput,
        fmt::format("its variables are those of a ResNet-{}, the spec's maskrcnn_config.nlayers says {}",
                    seen->layers, facts.layers),
        "use the spec that the model was trained with");
  auto names = backbone_variables(*find_resnet(facts.layers));
  const auto rest = neck_and_head_variables(facts);
  names.insert(names.end(), rest.begin(), rest.end());
  CheckpointWeights(checkpoint).need_all(names);
  std::uint64_t numbers = 0;
  for (const auto& name : names) numbers += number_count(checkpoint.find(name)->shape);
  return numbers;
}

ModelProto write_network(const TfCheckpoint& checkpoint, const MaskRcnnFacts& facts,
                         const MaskRcnnStages& stages, Dimension batch) {
  GraphBuilder graph("mask_rcnn");
  LayerWriter layers(checkpoint, graph);
  const FeatureMap input{kInput, 3, facts.height, facts.width};
  graph.input(input.name, {batch, input.channels, input.height, input.width});
  const auto trunk = write_trunk(layers, *find_resnet(facts.layers), facts, input);

  std::vector<std::string> maps;
  for (const auto& map : trunk.pyramid) maps.push_back(map.name);
  const auto channels = trunk.pyramid.front().channels;
  const auto crop = [&](const std::string& out, const std::string& rois, std::int64_t count,
                        std::int64_t size) {
    stages.crop(graph, facts, out, rois, maps, {.rois = count, .channels = channels, .size = size});
    graph.note_shape(out, {batch, count, channels, size, size});
    return FeatureMap{out, channels, size, size};
  };
  stages.propose(graph, facts, kProposals, trunk.deltas, trunk.scores);
  graph.note_shape(kProposals, {batch, facts.proposals, 4});
  write_box_head(layers, facts, crop(kBoxCrops, kProposals, facts.proposals, facts.mask_size / 4));
  stages.detect(graph, facts, kDetections, kBoxDeltas, kClassProbabilities, kProposals);
  graph.slice(kDetectedBoxes, kDetections, 2, 0, 4);
  write_mask_head(layers, facts, crop(kMaskCrops, kDetectedBoxes, facts.detections, facts.mask_size / 2));

  graph.output(kDetections, {batch, facts.detections, kNumbersPerDetection});
  graph.output(kMaskLogits, {batch, facts.detections, facts.class_count, facts.mask_size, facts.mask_size});
  return std::move(graph).model();
}

// What the stages make, of which the crops are activations like any other, their insides are not.
std::vector<std::string> unranged_tensors() {
  std::vector<std::string> names{kProposals, kDetections, kDetectedBoxes, kCells};
  for (const char* stage : {kProposals, kBoxCrops, kDetections, kMaskCrops, kCells})
    names.push_back(std::string(stage) + "/");
  return names;
}

}  // namespace

// TAO's loader: (pixel / 255 - (0.485, 0.456, 0.406)) / 0.224, one deviation for all three channels, in the
// words of its DeepStream configuration.
Preprocessing mask_rcnn_preprocessing() {
  return {.order = ChannelOrder::kRgb, .mean = {123.675, 116.28, 103.53}, .scale = 0.017507};
}

Deployable deployable_from_checkpoint(const TfCheckpoint& checkpoint, const MaskRcnnFacts& facts,
                                      const MaskRcnnOptions& options) {
  check_options(options);
  check_facts(facts);
  const bool portable = options.plugins == Plugins::kNone;
  Dimension batch = options.static_batch_size;
  if (!portable && !batch) batch = 1;

  Deployable net;
  net.network = "mask_rcnn";
  net.parameter_count = check_variables(checkpoint, facts);
  net.preprocessing = mask_rcnn_preprocessing();
  net.input = kInput;
  net.channels = 3;
  net.height = facts.height;
  net.width = facts.width;
  net.class_count = facts.class_count;
  net.labels = facts.labels;
  net.outputs = {{kDetections, OutputRole::kDetections}, {kMaskLogits, OutputRole::kMasks}};
  net.model = write_network(checkpoint, facts, portable ? kPortableStages : kPluginStages, batch);

  run_passes(net.model, deploy_passes());
  infer_shapes(net.model);
  net.unranged = unranged_tensors();
  if (options.tensor_names == TensorNames::kTensorflow) use_tensorflow_names(net);
  write_metadata(net);
  return net;
}

}  // namespace etalon
