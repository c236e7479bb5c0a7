#include "etalon/spec/mask_rcnn_validation.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace etalon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> wrong_in(std::string_view text) {
  std::vector<std::string> out;
  for (const Finding& f : validate_mask_rcnn_spec(parse_mask_rcnn_spec(text)))
    out.push_back(fmt::format("{} {}:{} {}: {}", name_of(f.severity), f.line, f.column, f.field, f.text));
  return out;
}

TEST(MaskRcnnValidation, WantsTheFieldsThatHaveNoBuiltInValue) {
  EXPECT_THAT(
      wrong_in("maskrcnn_config {\n include_mask: true }"),
      ElementsAre("error 0:0 data_config.num_classes: it is missing, expected 2 to 4096, the "
                  "background counted",
                  "error 0:0 data_config.image_size: it is missing, expected height and width such as "
                  "\"(832, 1344)\"",
                  "error 1:1 maskrcnn_config.nlayers: it is missing, expected one of 10, 18, 34, 50, "
                  "101"));
}

TEST(MaskRcnnValidation, TellsWhatIsWrongAndWhere) {
  struct Case {
    std::string data, config, finding;
  };
  const std::string good_data = "image_size: '(192, 256)' num_classes: 4";
  const std::string good = "nlayers: 10 include_mask: true ";
  // "71 it is ..." for a column of line 2.
  const auto of_config = [](const std::string& field, const std::string& said) {
    const auto blank = said.find(' ');
    return fmt::format("error 2:{} maskrcnn_config.{}: {}", said.substr(0, blank), field,
                       said.substr(blank + 1));
  };
  const std::vector<Case> cases{
      {"image_size: '(200, 250)' num_classes: 4", good,
       "error 1:27 data_config.image_size: it is '(200, 250)', expected sides that are multiples of 64 (2 to "
       "the "
       "power of max_level); the nearest is (192, 256)"},
      {"image_size: '(224, 10)' num_classes: 4", good,
       "error 1:27 data_config.image_size: it is '(224, 10)', expected sides that are multiples of 64 (2 to "
       "the "
       "power of max_level); the nearest is (192, 64)"},
      {"image_size: '(200, 250)' num_classes: 4", good + "max_level: 5",
       "error 1:27 data_config.image_size: it is '(200, 250)', expected sides that are multiples of 32 (2 to "
       "the "
       "power of max_level); the nearest is (192, 256)"},
      {"image_size: '(a, b)' num_classes: 4", good,
       "error 1:27 data_config.image_size: column 2: found 'a, b)', expected a number, '(' or '['"},
      {"image_size: '(64, 64)' num_classes: 1", good,
       "error 1:51 data_config.num_classes: it is 1, expected 2 to 4096, the background counted"},
      {good_data, "include_mask: true nlayers: 20",
       of_config("nlayers", "47 it is 20, expected one of 10, 18, 34, 50, 101")},
      {good_data, good + "arch: 'vgg'", of_config("arch", "56 it is 'vgg', expected \"resnet\"")},
      {good_data, good + "mrcnn_resolution: 30",
       of_config("mrcnn_resolution", "68 it is 30, expected a multiple of 4 from 4 to 448")},
      {good_data, good + "fast_rcnn_mlp_head_dim: 0",
       of_config("fast_rcnn_mlp_head_dim", "74 it is 0, expected 1 to 65536")},
      {good_data, good + "min_level: 0",
       of_config("min_level", "61 it is 0, expected 2 to 5, the levels of the backbone")},
      {good_data, good + "max_level: 8", of_config("max_level", "61 it is 8, expected 5 to 7")},
      {good_data, good + "max_level: 4294967295",
       of_config("max_level", "61 it is 4294967295, expected 5 to 7")},
      {good_data, good + "max_level: 4", of_config("max_level", "61 it is 4, expected 5 to 7")},
      {good_data, good + "num_scales: 0", of_config("num_scales", "62 it is 0, expected 1 to 16")},
      {good_data, good + "anchor_scale: 1025",
       of_config("anchor_scale", "64 it is 1025, expected 1 to 1024")},
      {good_data, good + "rpn_min_size: -1",
       of_config("rpn_min_size", "64 it is -1, expected 0 to 16384 pixels")},
      {good_data, good + "test_rpn_post_nms_topn: 10001",
       of_config("test_rpn_post_nms_topn", "74 it is 10001, expected 1 to 10000")},
      {good_data, good + "test_rpn_nms_thresh: nan",
       of_config("test_rpn_nms_thresh", "71 it is nan, expected 0 to 1")},
      {good_data, good + "test_detections_per_image: 0",
       of_config("test_detections_per_image", "77 it is 0, expected 1 to 10000")},
      {good_data, good + "test_nms: 1.5", of_config("test_nms", "60 it is 1.5, expected 0 to 1")},
      {good_data, good + "aspect_ratios: ''",
       of_config("aspect_ratios",
                 "65 it is empty, expected pairs of width and height such as \"[(1.0, 1.0), (1.4, 0.7)]\"")},
      {good_data, good + "bbox_reg_weights: '(10.)'",
       of_config("bbox_reg_weights",
                 "68 it is '(10.)', expected four numbers such as \"(10., 10., 5., 5.)\"")},
      {good_data, "nlayers: 10 include_mask: false",
       of_config("include_mask",
                 "45 it is false, expected true: a network without masks cannot be exported")},
      {good_data, "nlayers: 10",
       "error 2:1 maskrcnn_config.include_mask: it is missing, which is false, expected true: a network "
       "without "
       "masks cannot be exported"},
      {good_data, good + "test_rpn_nms_thresh: 0",
       "warning 2:71 maskrcnn_config.test_rpn_nms_thresh: it is 0: TAO suppresses no proposal then, "
       "TensorRT's "
       "plugin and etalon each that overlaps a better one"},
  };
  for (const auto& [data, config, finding] : cases)
    EXPECT_THAT(wrong_in("data_config { " + data + " }\nmaskrcnn_config { " + config + " }"),
                ElementsAre(finding));
}

TEST(MaskRcnnValidation, FindsNothingInTheSample) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA does not name the folder of sample models";
  const auto spec = read_mask_rcnn_spec(std::filesystem::path(data) / "models/mask_rcnn/spec.txt");
  EXPECT_THAT(validate_mask_rcnn_spec(spec), IsEmpty());
}

}  // namespace
}  // namespace etalon
