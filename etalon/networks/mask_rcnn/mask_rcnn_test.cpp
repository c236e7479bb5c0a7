#include "etalon/networks/mask_rcnn/mask_rcnn.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

#include "etalon/base/crc32c.hpp"
#include "etalon/base/message_of_test.hpp"
#include "etalon/networks/mask_rcnn/checkpoint_maker.hpp"
#include "etalon/networks/mask_rcnn/variable_names.hpp"
#include "etalon/networks/metadata.hpp"
#include "etalon/onnx/graph_index.hpp"

namespace etalon {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Deployable deployable_of(const NarrowNetwork& net = {}, const MaskRcnnOptions& options = {}) {
  return deployable_from_checkpoint(CheckpointMaker(net).take(), facts_of(net), options);
}

std::string refusal(const CheckpointMaker& maker, const MaskRcnnFacts& facts = facts_of(),
                    const MaskRcnnOptions& options = {}) {
  return message_of([&] { deployable_from_checkpoint(maker.take(), facts, options); });
}

const NodeProto& node_of(const Deployable& net, const std::string& tensor) {
  const GraphIndex index(net.model.graph());
  const auto producer = index.producer(tensor);
  if (!producer) throw std::invalid_argument("no node makes " + tensor);
  return net.model.graph().node(*producer);
}

Shape shape_in(const Deployable& net, const std::string& tensor) {
  return GraphIndex(net.model.graph()).shape(tensor).value_or(Shape{});
}

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// The names are promises: calibration caches and DeepStream configurations hold them.
TEST(MaskRcnn, KeepsTheNamesOfTheGoldenList) {
  for (const int layers : {10, 50}) {
    const auto net = deployable_of({.layers = layers});
    const auto golden = fmt::format("{}/resnet{}.tensors.txt", ETALON_MASK_RCNN_TESTDATA, layers);
    EXPECT_EQ(activation_names(net.model.graph()), lines_of(golden));
  }
}

TEST(MaskRcnn, NeedsTheVariablesThatTrainingWrites) {
  const char* folder = std::getenv("ETALON_DATA");
  if (!folder) GTEST_SKIP() << "ETALON_DATA is not set: the lists of TAO's variables are not looked at";
  for (const auto& net : resnets()) {
    std::set<std::string> trained;
    for (const auto& line :
         lines_of(fmt::format("{}/models/mask_rcnn/variables/resnet{}.txt", folder, net.layers)))
      if (!line.starts_with('#')) trained.insert(line.substr(0, line.find(' ')));
    EXPECT_EQ(trained.erase("global_step"), 1U);
    std::set<std::string> needed;
    for (const auto& name : backbone_variables(net)) needed.insert(name);
    for (const auto& name : neck_and_head_variables({})) needed.insert(name);
    EXPECT_EQ(needed, trained) << net.layers;
  }
}

TEST(MaskRcnn, SaysWhatGoesInAndWhatComesOut) {
  CheckpointMaker maker;
  std::uint64_t numbers = 0;
  for (const auto& [name, variable] : maker.variables()) {
    std::uint64_t count = name == "global_step" ? 0 : 1;
    for (const auto axis : variable.shape) count *= static_cast<std::uint64_t>(axis);
    numbers += count;
  }
  maker.set("fc6/bias/Momentum", {14});
  auto facts = facts_of();
  facts.labels = {"BG", "cell", "platelet"};
  const auto net = deployable_from_checkpoint(maker.take(), facts, {});
  EXPECT_EQ(net.network, "mask_rcnn");
  EXPECT_EQ(net.input, "Input");
  EXPECT_EQ(net.channels, 3);
  EXPECT_EQ(net.height, 128);
  EXPECT_EQ(net.width, 256);
  EXPECT_EQ(net.class_count, 3);
  EXPECT_EQ(net.labels, facts.labels);
  EXPECT_EQ(net.parameter_count, numbers);
  ASSERT_EQ(net.outputs.size(), 2U);
  EXPECT_EQ(net.outputs[0].tensor, "generate_detections");
  EXPECT_EQ(net.outputs[0].role, OutputRole::kDetections);
  EXPECT_EQ(net.outputs[1].tensor, "mask_fcn_logits/BiasAdd");
  EXPECT_EQ(net.outputs[1].role, OutputRole::kMasks);
  const auto& output = net.model.graph().output();
  EXPECT_EQ(shape_of(output[0]), (Shape{1, 5, 6}));
  EXPECT_EQ(shape_of(output[1]), (Shape{1, 5, 3, 8, 8}));
}

// The loader of the training divides by 255, takes (0.485, 0.456, 0.406) away and divides by 0.224.
TEST(MaskRcnn, PreparesPicturesAsTheTrainingDid) {
  const auto net = deployable_of();
  const auto& how = net.preprocessing;
  EXPECT_EQ(how.order, ChannelOrder::kRgb);
  EXPECT_EQ(how.layout, Layout::kNchw);
  const std::array mean{0.485, 0.456, 0.406};
  for (std::size_t c = 0; c < 3; ++c)
    for (const double pixel : {0.0, 100.0, 255.0})
      EXPECT_NEAR((pixel - how.mean[c]) * how.scale, (pixel / 255 - mean[c]) / 0.224, 2e-5);
  const auto written = preprocessing_in(net.model);
  ASSERT_TRUE(written);
  EXPECT_EQ(written->scale, how.scale);
  EXPECT_EQ(written->mean, how.mean);
}

TEST(MaskRcnn, FixesTheBatchForPluginsAndLeavesItOpenWithoutThem) {
  const auto batch = [](const MaskRcnnOptions& options) {
    const auto net = deployable_of({}, options);
    for (const auto& value : net.model.graph().output())
      EXPECT_EQ(shape_of(value)->front(), shape_of(net.model.graph().input(0))->front());
    return shape_of(net.model.graph().input(0))->front();
  };
  EXPECT_EQ(batch({.plugins = Plugins::kTensorrt}), Dimension(1));
  EXPECT_EQ(batch({.plugins = Plugins::kTensorrt, .static_batch_size = 4}), Dimension(4));
  EXPECT_EQ(batch({.plugins = Plugins::kNone}), Dimension());
  EXPECT_EQ(batch({.plugins = Plugins::kNone, .static_batch_size = 2}), Dimension(2));
}

TEST(MaskRcnn, NamesTensorsAsTensorflowDoesWhenAsked) {
  const auto net = deployable_of({}, {.tensor_names = TensorNames::kTensorflow});
  EXPECT_EQ(net.input, "Input:0");
  EXPECT_EQ(net.outputs[0].tensor, "generate_detections:0");
  EXPECT_EQ(net.outputs[1].tensor, "mask_fcn_logits/BiasAdd:0");
}

TEST(MaskRcnn, HasTheSameTensorsInBothFlavoursButForTheStages) {
  const auto plugins = deployable_of(), portable = deployable_of({}, {.plugins = Plugins::kNone});
  const auto names = activation_names(portable.model.graph());
  const std::set<std::string> there(names.begin(), names.end());
  for (const auto& name : activation_names(plugins.model.graph())) EXPECT_TRUE(there.contains(name)) << name;
  for (const auto& node : portable.model.graph().node()) EXPECT_FALSE(is_plugin_node(node)) << node.name();
}

TEST(MaskRcnn, GivesThePluginsTheShapesThatTheyDemand) {
  const auto net = deployable_of({}, {.static_batch_size = 2});
  // Level 2 of 128 x 256: 32 x 64 cells of 3 anchors.
  EXPECT_EQ(shape_in(net, "MLP/multilevel_propose_rois/level_2/Reshape_1"), (Shape{2, 6144, 4, 1}));
  EXPECT_EQ(shape_in(net, "MLP/multilevel_propose_rois/level_2/Sigmoid"), (Shape{2, 6144, 1, 1}));
  EXPECT_EQ(shape_in(net, "MLP/multilevel_propose_rois/level_6/Sigmoid"), (Shape{2, 24, 1, 1}));
  EXPECT_EQ(shape_in(net, "multilevel_propose_rois"), (Shape{2, 20, 4}));
  EXPECT_EQ(shape_in(net, "pyramid_crop_and_resize_box"), (Shape{2, 20, 12, 2, 2}));
  EXPECT_EQ(shape_in(net, "box-predict/BiasAdd"), (Shape{2, 20, 12, 1, 1}));
  EXPECT_EQ(shape_in(net, "box_head_softmax"), (Shape{2, 20, 3, 1, 1}));
  EXPECT_EQ(shape_in(net, "mrcnn_detection_bboxes"), (Shape{2, 5, 4}));
  EXPECT_EQ(shape_in(net, "pyramid_crop_and_resize_mask"), (Shape{2, 5, 12, 4, 4}));
}

TEST(MaskRcnn, WritesThePluginsAttributesWithTheirTypes) {
  auto facts = facts_of();
  facts.proposal_iou = 0.6;
  facts.detection_iou = 0.4;
  const auto net = deployable_from_checkpoint(CheckpointMaker().take(), facts, {});
  const auto check = [&](const std::string& name, const std::string& op, const std::string& expected) {
    const auto& node = node_of(net, name);
    EXPECT_EQ(node.op_type(), op);
    EXPECT_EQ(node.domain(), "");
    std::ostringstream text;
    for (const auto& attribute : node.attribute()) {
      text << attribute.name() << '=';
      if (attribute.type() == AttributeProto::INT) text << "int " << attribute.i();
      if (attribute.type() == AttributeProto::FLOAT) text << "float " << attribute.f();
      if (attribute.type() == AttributeProto::STRING) text << "string " << attribute.s();
      if (attribute.type() == AttributeProto::INTS) {
        text << "ints";
        for (const auto value : attribute.ints()) text << ' ' << value;
      }
      text << "; ";
    }
    EXPECT_EQ(text.str(),
              expected + "image_size=ints 3 128 256; plugin_version=string 1; plugin_namespace=string ; ");
  };
  check("multilevel_propose_rois", "MultilevelProposeROI_TRT",
        "prenms_topk=int 4096; keep_topk=int 20; fg_threshold=float 0; iou_threshold=float 0.6; ");
  check("pyramid_crop_and_resize_box", "MultilevelCropAndResize_TRT", "pooled_size=int 2; ");
  check("pyramid_crop_and_resize_mask", "MultilevelCropAndResize_TRT", "pooled_size=int 4; ");
  check("generate_detections", "GenerateDetection_TRT",
        "num_classes=int 3; keep_topk=int 5; score_threshold=float 0; iou_threshold=float 0.4; ");
  EXPECT_THAT(
      node_of(net, "multilevel_propose_rois").input(),
      ElementsAre(
          "MLP/multilevel_propose_rois/level_2/Reshape_1", "MLP/multilevel_propose_rois/level_2/Sigmoid",
          "MLP/multilevel_propose_rois/level_3/Reshape_1", "MLP/multilevel_propose_rois/level_3/Sigmoid",
          "MLP/multilevel_propose_rois/level_4/Reshape_1", "MLP/multilevel_propose_rois/level_4/Sigmoid",
          "MLP/multilevel_propose_rois/level_5/Reshape_1", "MLP/multilevel_propose_rois/level_5/Sigmoid",
          "MLP/multilevel_propose_rois/level_6/Reshape_1", "MLP/multilevel_propose_rois/level_6/Sigmoid"));
  EXPECT_THAT(node_of(net, "pyramid_crop_and_resize_mask").input(),
              ElementsAre("mrcnn_detection_bboxes", "post_hoc_d2/BiasAdd", "post_hoc_d3/BiasAdd",
                          "post_hoc_d4/BiasAdd", "post_hoc_d5/BiasAdd", "p6/MaxPool"));
  EXPECT_THAT(node_of(net, "generate_detections").input(),
              ElementsAre("box-predict/BiasAdd", "box_head_softmax", "multilevel_propose_rois"));
  EXPECT_EQ(node_of(net, "mrcnn_detection_bboxes").op_type(), "Slice");
  EXPECT_EQ(node_of(net, "nearest_upsampling_2").op_type(), "Resize");
}

TEST(MaskRcnn, TakesC4OfResNet101FromTheSixthRepeatAndGoesOnThroughAll) {
  const auto net = deployable_of({.layers = 101});
  EXPECT_EQ(node_of(net, "l2/BiasAdd").input(0), "block_1c_relu/Relu");
  EXPECT_EQ(node_of(net, "l3/BiasAdd").input(0), "block_2d_relu/Relu");
  EXPECT_EQ(node_of(net, "l4/BiasAdd").input(0), "block_3f_relu/Relu");
  EXPECT_EQ(node_of(net, "l5/BiasAdd").input(0), "block_4c_relu/Relu");
  EXPECT_EQ(node_of(net, "block_4a_bn_1/FusedBatchNormV3").input(0), "block_3w_relu/Relu");
  EXPECT_EQ(node_of(net, "block_4c_relu/Relu").input(0), "add_32/add");
}

TEST(MaskRcnn, PadsAndStridesAsTensorflowDoes) {
  const auto net = deployable_of(), deep = deployable_of({.layers = 50});
  const auto check = [](const Deployable& in, const std::string& tensor, std::vector<std::int64_t> pads,
                        std::int64_t stride) {
    EXPECT_EQ(ints_attribute(node_of(in, tensor), "pads"), pads) << tensor;
    EXPECT_EQ(ints_attribute(node_of(in, tensor), "strides"), (std::vector{stride, stride})) << tensor;
  };
  check(net, "bn_conv1/FusedBatchNormV3", {2, 2, 3, 3}, 2);
  check(net, "max_pooling2d/MaxPool", {0, 0, 1, 1}, 2);
  check(net, "block_1a_bn_1/FusedBatchNormV3", {1, 1, 1, 1}, 1);
  check(net, "block_1a_bn_shortcut/FusedBatchNormV3", {0, 0, 0, 0}, 1);
  check(net, "block_2a_bn_1/FusedBatchNormV3", {0, 0, 1, 1}, 2);
  check(net, "block_2a_bn_2/FusedBatchNormV3", {1, 1, 1, 1}, 1);
  check(net, "block_2a_bn_shortcut/FusedBatchNormV3", {0, 0, 0, 0}, 2);
  check(deep, "block_2a_bn_1/FusedBatchNormV3", {0, 0, 0, 0}, 2);  // on the 1x1
  check(deep, "block_2a_bn_2/FusedBatchNormV3", {1, 1, 1, 1}, 1);
  check(deep, "block_2b_bn_1/FusedBatchNormV3", {0, 0, 0, 0}, 1);
  check(net, "p6/MaxPool", {0, 0, 0, 0}, 2);
  check(net, "conv5-mask/BiasAdd", {0, 0, 0, 0}, 2);
}

// Places and not values are looked at: a variable's number i is (i + 1) / 64.
TEST(MaskRcnn, PutsEveryKernelInOnnxsOrder) {
  const auto net = deployable_of();
  const auto& graph = net.model.graph();
  const GraphIndex index(graph);
  const auto values = [&](const std::string& name, const std::vector<std::int64_t>& dims) {
    const auto& tensor = graph.initializer(*index.initializer(name));
    EXPECT_TRUE(std::ranges::equal(tensor.dims(), dims)) << name;
    return float_values(tensor);
  };
  const auto place = [](float value) { return static_cast<std::int64_t>(value * 64) - 1; };
  const auto rpn = values("rpn/kernel", {13, 12, 3, 3});  // of [3, 3, 12, 13]
  EXPECT_EQ(place(rpn[((5 * 12 + 7) * 3 + 1) * 3 + 2]), ((1 * 3 + 2) * 12 + 7) * 13 + 5);
  const auto transposed = values("conv5-mask/kernel", {16, 17, 2, 2});  // of [2, 2, 17, 16]
  EXPECT_EQ(place(transposed[((5 * 17 + 7) * 2 + 1) * 2 + 0]), ((1 * 2 + 0) * 17 + 7) * 16 + 5);
  const auto dense = values("fc7/kernel", {15, 14});  // of [14, 15]
  EXPECT_EQ(place(dense[5 * 14 + 7]), 7 * 15 + 5);
  EXPECT_EQ(place(values("fc7/bias", {15})[3]), 3);
}

TEST(MaskRcnn, EndsThePyramidWhereTheSpecSays) {
  const auto five = deployable_of({.max_level = 5});
  EXPECT_EQ(node_of(five, "multilevel_propose_rois").input_size(), 8);
  EXPECT_FALSE(GraphIndex(five.model.graph()).knows("p6/MaxPool"));
  const auto seven = deployable_of({.max_level = 7});
  EXPECT_EQ(node_of(seven, "multilevel_propose_rois").input_size(), 12);
  EXPECT_EQ(node_of(seven, "p6/BiasAdd").input(0), "post_hoc_d5/BiasAdd");
  EXPECT_EQ(node_of(seven, "p7/BiasAdd").input(0), "p7_relu/Relu");
  EXPECT_EQ(node_of(seven, "p7_relu/Relu").input(0), "p6/BiasAdd");
  EXPECT_EQ(shape_in(seven, "p7/BiasAdd"), (Shape{1, 12, 1, 2}));
  EXPECT_EQ(node_of(seven, "rpn_5/BiasAdd").input(0), "p7/BiasAdd");
  const auto three = deployable_of({.min_level = 3});
  EXPECT_EQ(node_of(three, "rpn/BiasAdd").input(0), "post_hoc_d3/BiasAdd");
  EXPECT_EQ(node_of(three, "FPN_add_3/add").input(1), "nearest_upsampling");
}

TEST(MaskRcnn, WritesTheSameBytesEachTime) {
  for (const auto plugins : {Plugins::kTensorrt, Plugins::kNone})
    EXPECT_EQ(onnx_bytes(deployable_of({}, {.plugins = plugins}).model),
              onnx_bytes(deployable_of({}, {.plugins = plugins}).model));
}

struct Damage {
  const char* what;
  void (*damage)(CheckpointMaker&, MaskRcnnFacts&);
  std::vector<std::string> says;
};

const Damage kDamages[] = {
    {"a variable that is not there",
     [](auto& maker, auto&) { maker.rename("l3/bias", "l3/bais"); },
     {"no variable 'l3/bias'", "nearest name there is: 'l3/bais'"}},
    {"several that are not there",
     [](auto& maker, auto&) {
       for (const std::string role : {"kernel", "bias"})
         for (const std::string layer : {"fc6", "fc7", "rpn-box"}) maker.remove(layer + "/" + role);
     },
     {"no variable 'rpn-box/kernel', 'rpn-box/bias', 'fc6/kernel', 'fc6/bias' and 2 more"}},
    {"a batch norm's number that is not there",
     [](auto& maker, auto&) { maker.remove("block_2a_bn_1/moving_mean"); },
     {"no variable 'block_2a_bn_1/moving_mean'", "nearest name there is"}},
    {"a wrong type",
     [](auto& maker, auto&) {
       maker.set("fc7/kernel", {14, 15}, CheckpointType::kFloat64);
     },
     {"variable 'fc7/kernel' is float64, expected float32"}},
    {"another depth",
     [](auto&, auto& facts) { facts.layers = 18; },
     {"those of a ResNet-10", "maskrcnn_config.nlayers says 18"}},
    {"a depth that is not known", [](auto&, auto& facts) { facts.layers = 20; }, {"nlayers is 20"}},
    {"other classes",
     [](auto&, auto& facts) { facts.class_count = 7; },
     {"'class-predict/kernel' has 3 classes, the spec's data_config.num_classes says 7"}},
    {"heads that do not agree",
     [](auto& maker, auto&) {
       maker.set("box-predict/kernel", {15, 16});
     },
     {"'box-predict/kernel' has 4 classes, the spec's data_config.num_classes says 3"}},
    {"a head that has no whole classes",
     [](auto& maker, auto&) {
       maker.set("box-predict/kernel", {15, 13});
     },
     {"'box-predict/kernel' has 13 columns, expected 4 for each of the 3 classes"}},
    {"masks of other classes",
     [](auto& maker, auto&) {
       maker.set("mask_fcn_logits/kernel", {1, 1, 17, 5});
     },
     {"'mask_fcn_logits/kernel' has 5 classes, the spec's data_config.num_classes says 3"}},
    {"other anchors",
     [](auto&, auto& facts) { facts.scales_per_octave = 2; },
     {"'rpn-class/kernel' makes 3 numbers a cell, expected 6", "aspect_ratios (3) and num_scales (2)"}},
    {"other crops",
     [](auto&, auto& facts) { facts.mask_size = 28; },
     {"'fc6/kernel' has 48 rows, expected 588: 12 channels of 7x7", "mrcnn_resolution (28)"}},
    {"a kernel that does not fit what is before it",
     [](auto& maker, auto&) {
       maker.set("l3/kernel", {1, 1, 4, 11});
     },
     {"'l3/kernel' has the shape [1, 1, 4, 11], expected [1, 1, 8, any]: 'block_2a_relu/Relu' has 8 "
      "channels"}},
    {"a kernel of another size",
     [](auto& maker, auto&) {
       maker.set("conv1/kernel", {3, 3, 3, 2});
     },
     {"'conv1/kernel' has the shape [3, 3, 3, 2], expected [7, 7, 3, any]"}},
    {"a kernel of another rank",
     [](auto& maker, auto&) {
       maker.set("rpn/kernel", {12, 13});
     },
     {"'rpn/kernel' has the shape [12, 13], expected [3, 3, 12, any]"}},
    {"a kernel that makes nothing",
     [](auto& maker, auto&) {
       maker.set("rpn/kernel", {3, 3, 12, 0});
     },
     {"'rpn/kernel' has the shape [3, 3, 12, 0]"}},
    {"a negative axis",
     [](auto& maker, auto&) {
       maker.set("rpn/kernel", {3, 3, 12, -1});
     },
     {"'rpn/kernel' has the shape [3, 3, 12, -1]"}},
    {"a bias of another width",
     [](auto& maker, auto&) { maker.set("rpn/bias", {5}); },
     {"'rpn/bias' has the shape [5], expected [13]: 'rpn/kernel' makes 13 channels"}},
    {"a batch norm of another width",
     [](auto& maker, auto&) { maker.set("bn_conv1/beta", {5}); },
     {"'bn_conv1/beta' has the shape [5], expected [2]: 'conv1/kernel' makes 2 channels"}},
    {"a shortcut that cannot be added",
     [](auto& maker, auto&) {
       maker.set("block_3a_conv_shortcut/kernel", {1, 1, 8, 5});
       for (const std::string role : {"gamma", "beta", "moving_mean", "moving_variance"})
         maker.set("block_3a_bn_shortcut/" + role, {5});
     },
     {"'block_3a_bn_2/FusedBatchNormV3' has 9 channels and 'block_3a_bn_shortcut/FusedBatchNormV3' 5"}},
    {"laterals that cannot be added",
     [](auto& maker, auto&) {
       maker.set("l4/kernel", {1, 1, 9, 5});
       maker.set("l4/bias", {5});
     },
     {"'l4/BiasAdd' has 5 channels and 'nearest_upsampling_2' 11"}},
    {"levels of several widths",
     [](auto& maker, auto&) {
       maker.set("post_hoc_d4/kernel", {3, 3, 11, 5});
       maker.set("post_hoc_d4/bias", {5});
     },
     {"'post_hoc_d2/BiasAdd' has 12 channels and 'post_hoc_d4/BiasAdd' 5"}},
    {"names with scopes",
     [](auto& maker, auto&) {
       for (const std::string layer : {"rpn", "fc6", "mask_fcn_logits"})
         maker.rename(layer + "/kernel", "mask_head/" + layer + "/kernel");
     },
     {"not known ('mask_head/fc6/kernel')", "TLT 2"}},
    {"another network",
     [](auto& maker, auto&) {
       for (const std::string layer : {"rpn", "fc6", "mask_fcn_logits"}) maker.remove(layer + "/kernel");
     },
     {"this is not a Mask R-CNN", "the first is 'block_1a_bn_1/beta'"}},
    {"levels that are not known",
     [](auto&, auto& facts) { facts.max_level = 8; },
     {"min_level and max_level are 2 and 8"}},
    {"a size that the levels do not divide",
     [](auto&, auto& facts) { facts.height = 200; },
     {"data_config.image_size is (200, 256), expected multiples of 64"}},
    {"no proposals", [](auto&, auto& facts) { facts.proposals = 0; }, {"0 proposals"}},
    {"masks of an odd size", [](auto&, auto& facts) { facts.mask_size = 27; }, {"mrcnn_resolution is 27"}},
    {"no aspect ratio", [](auto&, auto& facts) { facts.aspect_ratios.clear(); }, {"0 aspect_ratios"}},
};

TEST(MaskRcnn, SaysWhatDoesNotFit) {
  for (const auto& [what, damage, says] : kDamages) {
    CheckpointMaker maker;
    auto facts = facts_of();
    damage(maker, facts);
    const auto line = refusal(maker, facts);
    for (const auto& words : says) EXPECT_THAT(line, HasSubstr(words)) << what;
  }
}

TEST(MaskRcnn, SaysThatTheBatchIsNone) {
  EXPECT_THAT(refusal(CheckpointMaker(), facts_of(), {.static_batch_size = 0}),
              HasSubstr("static batch size is 0"));
}

TEST(MaskRcnn, RefusesNumbersThatAreNotFinite) {
  const struct {
    const char* variable;
    std::size_t index;
    float number;
    const char* says;
  } table[] = {
      {"fc7/bias", 14, std::numeric_limits<float>::quiet_NaN(), "variable 'fc7/bias' holds NaN"},
      {"fc7/bias", 0, -std::numeric_limits<float>::infinity(), "variable 'fc7/bias' holds an infinity"},
      {"rpn/kernel", 0, -std::numeric_limits<float>::quiet_NaN(), "variable 'rpn/kernel' holds NaN"},
      {"rpn/kernel", 1023, std::numeric_limits<float>::infinity(), "'rpn/kernel' holds an infinity"},
      {"rpn/kernel", 1024, std::numeric_limits<float>::signaling_NaN(), "'rpn/kernel' holds NaN"},
      {"rpn/kernel", 1403, std::numeric_limits<float>::infinity(), "'rpn/kernel' holds an infinity"},
      {"bn_conv1/moving_variance", 1, std::numeric_limits<float>::quiet_NaN(), "bn_conv1/moving_variance"},
      {"rpn/kernel", 1024, std::numeric_limits<float>::max(), "no error"},
      {"rpn/kernel", 0, std::numeric_limits<float>::lowest(), "no error"},
      {"rpn/kernel", 0, std::numeric_limits<float>::denorm_min(), "no error"},
  };
  for (const auto& [name, index, number, says] : table) {
    auto checkpoint = CheckpointMaker().take();
    Bytes shard(checkpoint.shards.at(0).begin(), checkpoint.shards.at(0).end());
    auto& variable = *std::ranges::find(checkpoint.variables, std::string(name), &CheckpointVariable::name);
    ASSERT_LT((index + 1) * sizeof number, variable.size_bytes + 1);
    std::memcpy(shard.data() + variable.offset + index * sizeof number, &number, sizeof number);
    variable.masked_crc = masked_crc(crc32c(ByteView(shard).subspan(variable.offset, variable.size_bytes)));
    checkpoint.shards.at(0) = shard;
    EXPECT_THAT(
        message_of([&, &checkpoint = checkpoint] { deployable_from_checkpoint(checkpoint, facts_of(), {}); }),
        HasSubstr(says))
        << name << " " << index;
  }
}

TEST(MaskRcnn, RefusesAVariableWhoseBytesAreDamaged) {
  const auto checkpoint = [] {
    auto made = CheckpointMaker().take();
    for (auto& variable : made.variables)
      if (variable.name == "fc7/kernel") variable.masked_crc ^= 1;
    return made;
  }();
  EXPECT_THAT(message_of([&] { deployable_from_checkpoint(checkpoint, facts_of(), {}); }),
              AllOf(HasSubstr("fc7/kernel"), HasSubstr("CRC")));
}

}  // namespace
}  // namespace etalon
