// The structure of the graphs; tests/mask_rcnn_stages.py runs them and checks the numbers.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "etalon/base/error.hpp"
#include "etalon/networks/mask_rcnn/stages.hpp"

namespace etalon {
namespace {

MaskRcnnFacts small_facts() {
  MaskRcnnFacts facts;
  facts.height = 128;
  facts.width = 192;
  facts.class_count = 4;
  facts.proposals = 50;
  facts.detections = 60;
  return facts;
}

// All stages one after another, as the network has them, with the layers between them left out.
ModelProto all_stages(const MaskRcnnFacts& facts) {
  constexpr std::int64_t kChannels = 8;
  GraphBuilder graph("stages");
  std::vector<std::string> deltas, scores, maps;
  for (int level = facts.min_level; level <= facts.max_level; ++level) {
    const std::int64_t rows = facts.height >> level, columns = facts.width >> level,
                       anchors = rows * columns * facts.anchors_per_cell();
    deltas.push_back(fmt::format("delta_{}", level));
    scores.push_back(fmt::format("score_{}", level));
    maps.push_back(fmt::format("P{}", level));
    graph.input(deltas.back(), {std::nullopt, anchors, 4, 1});
    graph.input(scores.back(), {std::nullopt, anchors, 1, 1});
    graph.input(maps.back(), {std::nullopt, kChannels, rows, columns});
  }
  graph.input("box_deltas", {std::nullopt, facts.proposals, 4 * facts.class_count, 1, 1});
  graph.input("probabilities", {std::nullopt, facts.proposals, facts.class_count, 1, 1});
  kPortableStages.propose(graph, facts, "rois", deltas, scores);
  kPortableStages.crop(graph, facts, "box_crops", "rois", maps,
                       {.rois = facts.proposals, .channels = kChannels, .size = 7});
  kPortableStages.detect(graph, facts, "detections", "box_deltas", "probabilities", "rois");
  graph.slice("boxes", "detections", 2, 0, 4);
  kPortableStages.crop(graph, facts, "mask_crops", "boxes", maps,
                       {.rois = facts.detections, .channels = kChannels, .size = 14});
  graph.output("box_crops", {std::nullopt, facts.proposals, kChannels, 7, 7});
  graph.output("detections", {std::nullopt, facts.detections, 6});
  graph.output("mask_crops", {std::nullopt, facts.detections, kChannels, 14, 14});
  return std::move(graph).model();
}

std::optional<Shape> inferred(const ModelProto& model, std::string_view name) {
  for (const auto& value : model.graph().value_info())
    if (value.name() == name) return shape_of(value);
  return std::nullopt;
}

TEST(PortableStages, GiveAModelThatTheCheckerAndTheInferenceTake) {
  auto model = all_stages(small_facts());
  check_onnx(model);
  infer_shapes(model);
  EXPECT_EQ(inferred(model, "rois"), (Shape{std::nullopt, 50, 4}));
}

TEST(PortableStages, KeepTheBatchDynamicAndAllElseKnown) {
  auto model = all_stages(small_facts());
  infer_shapes(model);
  for (const char* name : {"rois/boxes", "detections/rows"}) {
    const auto shape = inferred(model, name);
    ASSERT_TRUE(shape) << name;
    EXPECT_FALSE((*shape)[0]) << name;
    for (std::size_t i = 1; i < shape->size(); ++i) EXPECT_TRUE((*shape)[i]) << name << ", axis " << i;
  }
}

TEST(PortableStages, AreMadeOfOperatorsOfOpset13) {
  const auto model = all_stages(small_facts());
  std::set<std::string> operators;
  for (const auto& node : model.graph().node()) {
    operators.insert(node.op_type());
    EXPECT_EQ(node.domain(), "") << node.name();
  }
  EXPECT_THAT(operators, testing::IsSubsetOf({"Add",       "CumSum",
                                              "ArgMax",    "Cast",
                                              "Concat",    "ConstantOfShape",
                                              "Div",       "Equal",
                                              "Exp",       "Floor",
                                              "Gather",    "GatherND",
                                              "Greater",   "Less",
                                              "Max",       "Min",
                                              "Mul",       "Pad",
                                              "Range",     "ReduceMax",
                                              "ReduceMin", "ReduceSum",
                                              "Reshape",   "ScatterND",
                                              "Shape",     "Slice",
                                              "Sub",       "TopK",
                                              "Transpose", "Unsqueeze",
                                              "Where",     "NonMaxSuppression"}));
}

TEST(PortableStages, NameEachNodeOnce) {
  const auto model = all_stages(small_facts());
  std::set<std::string> names;
  for (const auto& node : model.graph().node())
    EXPECT_TRUE(names.insert(node.name()).second) << node.name() << " stands twice";
}

TEST(PortableStages, TurnTheMapsOnceForBothCrops) {
  const auto model = all_stages(small_facts());
  const auto turned = std::count_if(model.graph().node().begin(), model.graph().node().end(),
                                    [](const auto& node) { return node.name().ends_with("channels_last"); });
  EXPECT_EQ(turned, 5);
}

TEST(PortableStages, HoldNoTableOfAllAnchors) {
  auto facts = small_facts();
  facts.height = 832;
  facts.width = 1344;
  const auto model = all_stages(facts);
  EXPECT_LT(onnx_bytes(model).size(), 200'000U);  // 279279 anchors would take 4.5 MB
}

TEST(PortableStages, AreTheSameBytesEachTime) {
  EXPECT_EQ(onnx_bytes(all_stages(small_facts())), onnx_bytes(all_stages(small_facts())));
}

TEST(PortableStages, TakeOtherLevelsAnchorsAndASmallestSize) {
  auto facts = small_facts();
  facts.min_level = 3;
  facts.max_level = 5;
  facts.scales_per_octave = 2;
  facts.aspect_ratios = {{1, 1}};
  facts.proposal_min_size = 8;
  facts.proposals = 2000;  // more than there are anchors
  auto model = all_stages(facts);
  check_onnx(model);
  infer_shapes(model);
}

TEST(PortableStages, RefuseANetworkOfTheBackgroundAlone) {
  auto facts = small_facts();
  facts.class_count = 1;
  try {
    all_stages(facts);
    FAIL() << "was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kUnsupported);
    EXPECT_THAT(error.line(), testing::HasSubstr("background"));
  }
}

TEST(PortableStages, RefuseAnInputWhoseCellsFloat32CannotCount) {
  auto facts = small_facts();
  facts.height = facts.width = 1 << 14;
  try {
    all_stages(facts);
    FAIL() << "was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kUnsupported);
    EXPECT_THAT(error.line(), testing::HasSubstr("16384 x 16384"));
  }
}

}  // namespace
}  // namespace etalon
