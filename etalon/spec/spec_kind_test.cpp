#include "etalon/spec/spec_kind.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"

namespace etalon {
namespace {

TEST(SpecKind, IsToldByTheFieldsThatOnlyOneKindHas) {
  struct Case {
    std::string text;
    SpecKind kind;
    std::string description, field;
    int line, column;
  };
  const std::vector<Case> cases{
      {"random_seed: 1", SpecKind::kExperiment, "the experiment specification of DetectNet_v2", "", 0, 0},
      {"", SpecKind::kExperiment, "the experiment specification of DetectNet_v2", "", 0, 0},
      {"inferencer_config{\n}", SpecKind::kInference, "a specification of DetectNet_v2's inference task",
       "inferencer_config", 1, 1},
      {"\n  bbox_handler_config: <>", SpecKind::kInference,
       "a specification of DetectNet_v2's inference task", "bbox_handler_config", 2, 3},
      {"kitti_config { }", SpecKind::kDatasetConvert,
       "a specification of DetectNet_v2's task dataset_convert", "kitti_config", 1, 1},
      {"image_directory_path: 'x' coco_config { }", SpecKind::kDatasetConvert,
       "a specification of DetectNet_v2's task dataset_convert", "coco_config", 1, 27},
      {"seed: 7\nmaskrcnn_config { }", SpecKind::kMaskRcnn, "the experiment specification of Mask R-CNN",
       "maskrcnn_config", 2, 1},
      {"cost_function_config { }", SpecKind::kExperiment, "the experiment specification of DetectNet_v2",
       "cost_function_config", 1, 1},
      {"cost_function_config { } ssd_config { }", SpecKind::kForeign, "a specification of SSD", "ssd_config",
       1, 26},
      {"random_seed: 1\nssd_config { }", SpecKind::kForeign, "a specification of SSD", "ssd_config", 2, 1},
      {"dssd_config { }", SpecKind::kForeign, "a specification of DSSD", "dssd_config", 1, 1},
      {"retinanet_config { }", SpecKind::kForeign, "a specification of RetinaNet", "retinanet_config", 1, 1},
      {"yolov3_config { }", SpecKind::kForeign, "a specification of YOLOv3", "yolov3_config", 1, 1},
      {"yolov4_config { }", SpecKind::kForeign, "a specification of YOLOv4", "yolov4_config", 1, 1},
      {"lpr_config { }", SpecKind::kForeign, "a specification of LPRNet", "lpr_config", 1, 1},
      {"enc_key: 'k'", SpecKind::kForeign, "a specification of FasterRCNN", "enc_key", 1, 10},
      {"model_config {\n input_image_config { } }", SpecKind::kForeign, "a specification of FasterRCNN",
       "input_image_config", 2, 2},
      {"model_config { model_input_width: 320 }", SpecKind::kForeign, "a specification of UNet",
       "model_input_width", 1, 35},
      {"model_config { input_image_size: '3,224,224' }", SpecKind::kForeign,
       "a specification of classification", "input_image_size", 1, 34},
      {"model_config { input_image_size: '3,9,9' } dataset_config { train_csv_path: 'x' }",
       SpecKind::kForeign, "a specification of multi-task classification", "train_csv_path", 1, 77},
      {"model_config { model_name: 'efficientdet-d0' }", SpecKind::kForeign,
       "a specification of EfficientDet", "model_name", 1, 28},
      // Not at the top, not as a value, not in a comment, not where the text is broken before it.
      {"model_config { ssd_config { } }", SpecKind::kExperiment,
       "the experiment specification of DetectNet_v2", "", 0, 0},
      {"a: ssd_config # ssd_config {", SpecKind::kExperiment, "the experiment specification of DetectNet_v2",
       "", 0, 0},
      {"} ] a: [ 1 } ssd_config { }", SpecKind::kForeign, "a specification of SSD", "ssd_config", 1, 14},
  };
  for (const auto& [text, kind, description, field, line, column] : cases) {
    const RecognisedSpec seen = recognise_spec(text);
    EXPECT_EQ(seen.kind, kind) << text;
    EXPECT_EQ(describe(seen), description) << text;
    EXPECT_EQ(seen.field, field) << text;
    EXPECT_EQ(fmt::format("{}:{}", seen.line, seen.column), fmt::format("{}:{}", line, column)) << text;
  }
  EXPECT_THROW(recognise_spec(std::string_view("a\0b", 3)), Error);
}

TEST(SpecKind, TellsEverySample) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA does not name the folder of sample models";
  const auto kind_of = [&](const std::string& name) {
    const Bytes bytes = read_file(std::filesystem::path(data) / name);
    return describe(recognise_spec(as_text(bytes)));
  };
  EXPECT_EQ(kind_of("models/mask_rcnn/spec.txt"), "the experiment specification of Mask R-CNN");
  EXPECT_EQ(kind_of("models/detectnet_v2/bccd.spec.txt"), "the experiment specification of DetectNet_v2");
  EXPECT_EQ(kind_of("models/detectnet_v2/dataset/specs/convert_bccd.txt"),
            "a specification of DetectNet_v2's task dataset_convert");
  EXPECT_EQ(kind_of("azureml/specs/detectnet_v2_inference_kitti_etlt.txt"),
            "a specification of DetectNet_v2's inference task");
}

}  // namespace
}  // namespace etalon
