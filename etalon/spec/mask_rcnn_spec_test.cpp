#include "etalon/spec/mask_rcnn_spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "etalon/base/message_of_test.hpp"

namespace etalon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(MaskRcnnSpec, HasTaosBuiltInValueWhereAFieldOfTheNetworkIsAbsentAndSaysSo) {
  const MaskRcnnSpec spec = parse_mask_rcnn_spec(
      "maskrcnn_config { nlayers: 10 arch: 'resnet' mrcnn_resolution: 14\n"
      "fast_rcnn_mlp_head_dim: 512 min_level: 2 max_level: 6 num_scales: 1 anchor_scale: 8\n"
      "aspect_ratios: '[(1, 1)]' bbox_reg_weights: '(1, 1, 1, 1)' test_rpn_post_nms_topn: 9\n"
      "test_detections_per_image: 3 test_rpn_nms_thresh: 0.5 }");
  ASSERT_THAT(spec.findings, SizeIs(1));
  EXPECT_EQ(
      describe(spec.findings[0]),
      "line 1, column 1: test_nms is missing: 0.5 is taken, TAO's built-in value (TAO itself would read 0)");
  EXPECT_EQ(spec.findings[0].field, "maskrcnn_config.test_nms");
  EXPECT_EQ(spec.findings[0].severity, Finding::Severity::kWarning);
  EXPECT_EQ(spec.experiment.maskrcnn_config().test_nms(), 0.5F);
  EXPECT_EQ(spec.experiment.maskrcnn_config().mrcnn_resolution(), 14U);
  EXPECT_THAT(parse_mask_rcnn_spec("maskrcnn_config { }").findings, SizeIs(13));
}

TEST(MaskRcnnSpec, KeepsAZeroThatIsWritten) {
  const MaskRcnnSpec spec =
      parse_mask_rcnn_spec("maskrcnn_config { test_nms: 0 }\nmaskrcnn_config { min_level: 0 arch: '' }");
  EXPECT_EQ(spec.experiment.maskrcnn_config().test_nms(), 0);
  EXPECT_EQ(spec.experiment.maskrcnn_config().min_level(), 0U);
  EXPECT_EQ(spec.experiment.maskrcnn_config().arch(), "");
  EXPECT_EQ(spec.experiment.maskrcnn_config().max_level(), 6U);
}

TEST(MaskRcnnSpec, RefusesOtherKindsByName) {
  const auto error = [](std::string_view text) { return message_of([&] { parse_mask_rcnn_spec(text); }); };
  EXPECT_EQ(
      error("random_seed: 1\ncost_function_config { }"),
      "this is the experiment specification of DetectNet_v2 ('cost_function_config' is its field), "
      "expected the experiment specification of Mask R-CNN, in line 2, column 1 (give the file that the "
      "network was trained with)");
  EXPECT_THAT(error("inferencer_config { }"), HasSubstr("DetectNet_v2's inference task"));
  EXPECT_THAT(error("ssd_config { }"), HasSubstr("this is a specification of SSD"));
  EXPECT_EQ(error(""), "is empty, expected a specification of Mask R-CNN");
  EXPECT_EQ(error("bananas: 3"),
            "has no field of a Mask R-CNN specification, the first one is 'bananas' (is this a specification "
            "of another network?)");
}

TEST(MaskRcnnSpec, RefusesAWrongTypeAndRemarksAnUnknownField) {
  EXPECT_EQ(message_of([] { parse_mask_rcnn_spec("data_config { image_size: (192, 256) }"); }),
            "does not parse: Expected string, got: (, in line 1, column 27 (write it in quotes)");
  EXPECT_EQ(describe(parse_mask_rcnn_spec("data_config { num_class: 4 }").findings[0]),
            "line 1, column 15: unknown field 'num_class' of DataConfig is passed over, did you mean "
            "'num_classes'?");
}

TEST(MaskRcnnSpec, TakesLiteralsOfOneShapeOnly) {
  EXPECT_EQ(parse_image_size("[64, 16384]").width, 16384);
  EXPECT_THAT(parse_box_weights("(10., 10., 5., 5.)"), ElementsAre(10, 10, 5, 5));
  EXPECT_THAT(parse_aspect_ratios("[(1.4, 0.7)]"), ElementsAre(ElementsAre(1.4, 0.7)));
  struct Case {
    void (*parse)(std::string_view);
    std::string text, message;
  };
  const auto size = [](std::string_view text) { parse_image_size(text); };
  const auto weights = [](std::string_view text) { parse_box_weights(text); };
  const auto ratios = [](std::string_view text) { parse_aspect_ratios(text); };
  const std::string sides =
      "expected height and width such as \"(832, 1344)\", each a whole number from 1 to 16384";
  const std::string pairs =
      "expected pairs of width and height such as \"[(1.0, 1.0), (1.4, 0.7)]\", each from 0.001 to 1000";
  const std::vector<Case> cases{
      {size, "", "it is empty, expected height and width such as \"(832, 1344)\""},
      {size, "832", "it is '832', expected height and width such as \"(832, 1344)\""},
      {size, "(832, 1344, 3)", "it is '(832, 1344, 3)', " + sides},
      {size, "(832., 1344)", "it is '(832., 1344)', " + sides},
      {size, "(0, 64)", "it is '(0, 64)', " + sides},
      {size, "(64, 16385)", "it is '(64, 16385)', " + sides},
      {size, "((64, 64), 64)", "it is '((64, 64), 64)', " + sides},
      {size, "(H, W)", "column 2: found 'H, W)', expected a number, '(' or '['"},
      {weights, "(10, 10, 5)", "it has 3 entries, expected four numbers such as \"(10., 10., 5., 5.)\""},
      {weights, "(10, 0, 5, 5)",
       "entry 2 of '(10, 0, 5, 5)' is wrong, expected four numbers such as \"(10., 10., 5., 5.)\", each from "
       "0.001 to 1000"},
      {ratios, "[]", "it has 0 entries, expected 1 to 32"},
      {ratios, "(1.0, 1.0)", "entry 1 of '(1.0, 1.0)' is wrong, " + pairs},
      {ratios, "[(1, 1), (-1, 1)]", "entry 2 of '[(1, 1), (-1, 1)]' is wrong, " + pairs},
      {ratios, "[(1, 1), (1, 1e9)]", "entry 2 of '[(1, 1), (1, 1e9)]' is wrong, " + pairs},
  };
  for (const auto& [parse, text, message] : cases)
    EXPECT_EQ(message_of([&] { parse(text); }), message) << text;
}

}  // namespace
}  // namespace etalon
