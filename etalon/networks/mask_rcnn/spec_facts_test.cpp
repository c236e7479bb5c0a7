#include "etalon/networks/mask_rcnn/spec_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "etalon/base/message_of_test.hpp"

namespace etalon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The least that can be exported, with lines in data_config and in maskrcnn_config.
std::string spec_with(const std::string& data, const std::string& config,
                      const std::string& size = "(192, 256)") {
  return "data_config { image_size: '" + size + "' num_classes: 4\n" + data +
         "}\nmaskrcnn_config { nlayers: 10 include_mask: true\n" + config + "}";
}

MaskRcnnFacts facts(const std::string& data, const std::string& config) {
  return facts_of(parse_mask_rcnn_spec(spec_with(data, config)));
}

TEST(MaskRcnnFacts, AreTaosBuiltInValuesWhereTheSpecificationIsSilent) {
  const MaskRcnnFacts built_in = facts("", "");
  EXPECT_EQ(built_in.height, 192);
  EXPECT_EQ(built_in.width, 256);
  EXPECT_EQ(built_in.class_count, 4);
  EXPECT_EQ(built_in.layers, 10);
  EXPECT_EQ(built_in.mask_size, 28);
  EXPECT_EQ(built_in.head_width, 1024);
  EXPECT_EQ(built_in.min_level, 2);
  EXPECT_EQ(built_in.max_level, 6);
  EXPECT_EQ(built_in.anchor_scale, 8);
  EXPECT_EQ(built_in.scales_per_octave, 1);
  EXPECT_THAT(built_in.aspect_ratios,
              ElementsAre(ElementsAre(1.0, 1.0), ElementsAre(1.4, 0.7), ElementsAre(0.7, 1.4)));
  EXPECT_THAT(built_in.box_weights, ElementsAre(10, 10, 5, 5));
  EXPECT_EQ(built_in.proposals, 1000);
  EXPECT_EQ(built_in.proposal_iou, 0.7);
  EXPECT_EQ(built_in.proposal_min_size, 0);
  EXPECT_EQ(built_in.detections, 100);
  EXPECT_EQ(built_in.detection_iou, 0.5);
  EXPECT_THAT(plugins_cannot(built_in), IsEmpty());
}

TEST(MaskRcnnFacts, AreWhatTheSpecificationSays) {
  const MaskRcnnFacts said = facts(
      "", R"(min_level: 3 max_level: 5 num_scales: 2 anchor_scale: 4 aspect_ratios: "[(1, 1), [.5, 2e0],]"
             bbox_reg_weights: "[1, 2., 3, 4]" test_rpn_post_nms_topn: 2000 test_rpn_nms_thresh: 0.6
             rpn_min_size: 1.5 test_detections_per_image: 7 test_nms: 0 mrcnn_resolution: 56
             fast_rcnn_mlp_head_dim: 512)");
  EXPECT_EQ(said.min_level, 3);
  EXPECT_EQ(said.max_level, 5);
  EXPECT_EQ(said.levels(), 3);
  EXPECT_EQ(said.anchors_per_cell(), 4);
  EXPECT_EQ(said.anchor_scale, 4);
  EXPECT_THAT(said.aspect_ratios, ElementsAre(ElementsAre(1.0, 1.0), ElementsAre(0.5, 2.0)));
  EXPECT_THAT(said.box_weights, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(said.proposals, 2000);
  EXPECT_EQ(said.proposal_iou, 0.6);  // not 0.60000002384
  EXPECT_EQ(said.proposal_min_size, 1.5);
  EXPECT_EQ(said.detections, 7);
  EXPECT_EQ(said.detection_iou, 0);
  EXPECT_EQ(said.mask_size, 56);
  EXPECT_EQ(said.head_width, 512);
}

TEST(MaskRcnnFacts, RefuseAWrongValueByFieldValueExpectationAndPlace) {
  EXPECT_EQ(message_of([] { facts("", "test_nms: 1.5"); }),
            "maskrcnn_config.test_nms: it is 1.5, expected 0 to 1, in line 4, column 11");
  EXPECT_EQ(message_of([] { facts_of(parse_mask_rcnn_spec(spec_with("", "", "(200, 256)"))); }),
            "data_config.image_size: it is '(200, 256)', expected sides that are multiples of 64 (2 to the "
            "power of max_level); the nearest is (192, 256), in line 1, column 27");
}

TEST(MaskRcnnFacts, AreRefusedWithThePluginsWhereThesePluginsHaveConstantsOrLimits) {
  struct Case {
    std::string config, message;
  };
  const std::vector<Case> cases{
      {"anchor_scale: 4", "maskrcnn_config.anchor_scale is 4, TensorRT's plugins have 8 built in"},
      {"num_scales: 3", "maskrcnn_config.num_scales is 3, TensorRT's plugins have 1 built in"},
      {"min_level: 3", "maskrcnn_config.min_level is 3, TensorRT's plugins have 2 built in"},
      {"max_level: 5", "maskrcnn_config.max_level is 5, TensorRT's plugins have 6 built in"},
      {"aspect_ratios: '[(1, 1), (0.7, 1.4), (1.4, 0.7)]'",
       "maskrcnn_config.aspect_ratios is [(1, 1), (0.7, 1.4), (1.4, 0.7)], TensorRT's plugins have [(1, 1), "
       "(1.4, 0.7), (0.7, 1.4)] built in"},
      {"bbox_reg_weights: '(10, 10, 5, 4)'",
       "maskrcnn_config.bbox_reg_weights is (10, 10, 5, 4), TensorRT's plugins have (10, 10, 5, 5) built in"},
      {"rpn_min_size: 2",
       "maskrcnn_config.rpn_min_size is 2, TensorRT's plugins sort no small proposals out"},
      {"test_rpn_post_nms_topn: 1025",
       "maskrcnn_config.test_rpn_post_nms_topn is 1025, TensorRT's plugins crash above 1024"},
      {"test_nms: 0", "maskrcnn_config.test_nms is 0, TensorRT's plugins want more than 0"},
  };
  for (const auto& [config, message] : cases) {
    EXPECT_EQ(message_of([&] { check_plugins_can(facts("", config)); }),
              message + " (export with --plugins none, without the plugins)");
    EXPECT_THAT(plugins_cannot(facts("", config)), ElementsAre(message));
  }
  EXPECT_THAT(plugins_cannot(facts("", "test_rpn_post_nms_topn: 1024")), IsEmpty());
}

TEST(MaskRcnnFacts, AreRefusedWithThePluginsAboveTheirSizeAndClasses) {
  const auto cannot = [](std::int64_t height, std::int64_t width, std::int64_t classes) {
    MaskRcnnFacts facts;
    facts.height = height;
    facts.width = width;
    facts.class_count = classes;
    return plugins_cannot(facts);
  };
  EXPECT_THAT(cannot(1472, 1472, 253), IsEmpty());  // seen to be right on a GPU, 1536 x 1536 to be wrong
  EXPECT_THAT(cannot(1472, 1536, 253),
              ElementsAre("data_config.image_size is (1472, 1536), TensorRT's plugins give wrong proposals "
                          "above 2236960 pixels"));
  EXPECT_THAT(cannot(64, 64, 254),
              ElementsAre("data_config.num_classes is 254, TensorRT's plugins have room for at most 253"));
}

TEST(MaskRcnnFacts, AreReadFromTheSample) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA does not name the folder of sample models";
  const MaskRcnnSpec spec = read_mask_rcnn_spec(std::filesystem::path(data) / "models/mask_rcnn/spec.txt");
  EXPECT_THAT(spec.findings, IsEmpty());
  const MaskRcnnFacts sample = facts_of(spec);
  EXPECT_EQ(sample.proposals, 200);
  EXPECT_EQ(sample.detections, 20);
  check_plugins_can(sample);
}

}  // namespace
}  // namespace etalon
