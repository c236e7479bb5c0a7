#include "etalon/spec/detectnet_v2_validation.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "etalon/base/file.hpp"

namespace etalon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Nothing is wrong with it; each test makes one thing wrong.
constexpr std::string_view kGood = R"(dataset_config {
  data_sources { tfrecords_path: "records/*" image_directory_path: "images" }
  image_extension: "jpg"
  target_class_mapping { key: "car" value: "car" }
  target_class_mapping { key: "bus" value: "bus" }
}
augmentation_config {
  preprocessing { output_image_width: 320 output_image_height: 240 output_image_channel: 3 }
  spatial_augmentation { zoom_min: 1 zoom_max: 1 }
}
postprocessing_config {
  target_class_config { key: "car" value { clustering_config { dbscan_min_samples: 1 } } }
  target_class_config { key: "bus" value { clustering_config { nms_iou_threshold: 0.5 } } }
}
model_config {
  arch: "resnet"
  objective_set { bbox { scale: 35 offset: 0.5 } cov { } }
}
evaluation_config {
  validation_period_during_training: 1 first_validation_epoch: 1
  minimum_detection_ground_truth_overlap { key: "car" value: 0.5 }
  minimum_detection_ground_truth_overlap { key: "bus" value: 0.5 }
  evaluation_box_config { key: "car" value { maximum_height: 9 maximum_width: 9 } }
  evaluation_box_config { key: "bus" value { maximum_height: 9 maximum_width: 9 } }
}
cost_function_config {
  target_classes { name: "car" objectives { name: "cov" } }
  target_classes { name: "bus" objectives { name: "cov" } }
}
training_config {
  batch_size_per_gpu: 4 num_epochs: 1
  learning_rate { soft_start_annealing_schedule { min_learning_rate: 1e-6 max_learning_rate: 1e-4 } }
  regularizer { type: L1 }
  optimizer { adam { epsilon: 1e-8 beta1: 0.9 beta2: 0.999 } }
  cost_scaling { initial_exponent: 20 increment: 0.005 decrement: 1 }
}
bbox_rasterizer_config {
  target_class_config { key: "car" value { cov_radius_x: 0.4 } }
  target_class_config { key: "bus" value { cov_radius_x: 0.4 } }
}
)";

std::string with(std::string_view old_text, std::string_view new_text) {
  std::string text(kGood);
  const auto at = text.find(old_text);
  EXPECT_NE(at, std::string::npos) << old_text;
  return text.replace(at, old_text.size(), new_text);
}

std::vector<std::string> shown(const std::vector<Finding>& findings) {
  std::vector<std::string> out;
  for (const auto& f : findings)
    out.push_back(fmt::format("{}:{} {} {}: {}", f.line, f.column, name_of(f.severity), f.field, f.text));
  return out;
}

std::vector<std::string> wrong_in(const std::string& text) {
  return shown(validate_detectnet_v2_spec(parse_detectnet_v2_spec(text)));
}

TEST(DetectnetV2Validation, FindsNothingWrongInAGoodSpecification) {
  EXPECT_THAT(wrong_in(std::string(kGood)), IsEmpty());
}

TEST(DetectnetV2Validation, TellsWhatIsWrongAndWhere) {
  struct Case {
    std::string_view from, to;
    std::string finding;
  };
  const std::vector<Case> cases{
      // What export or the data loader cannot do with.
      {"name: \"bus\"", "name: \"car\"",
       "28:26 error cost_function_config.target_classes[1].name: target class 'car' stands twice"},
      {"name: \"bus\"", "name: ''",
       "28:26 error cost_function_config.target_classes[1].name: it is empty, expected a text"},
      {"name: \"bus\"", "",
       "28:3 error cost_function_config.target_classes[1].name: it is missing, expected a text"},
      {"output_image_width: 320", "output_image_width: 0",
       "8:39 error augmentation_config.preprocessing.output_image_width: it is 0, expected more than 0"},
      {"output_image_width: 320", "output_image_width: 80000",
       "8:39 error augmentation_config.preprocessing.output_image_width: it is 80000, expected at most "
       "65535"},
      {"output_image_height: 240", "output_image_height: 0",
       "8:64 error augmentation_config.preprocessing.output_image_height: it is 0, expected more than 0"},
      {"output_image_channel: 3", "output_image_channel: 2",
       "8:90 error augmentation_config.preprocessing.output_image_channel: it is 2, expected 1 or 3"},
      {"output_image_channel: 3", "crop_left: 5 crop_right: 4",
       "8:93 error augmentation_config.preprocessing.crop_right: it is 4, expected more than crop_left, "
       "which is 5"},
      {"output_image_channel: 3", "output_image_channel: 3 crop_right: 4",
       "8:3 error augmentation_config.preprocessing.crop_bottom: it is 0, expected more than crop_top, which "
       "is 0"},
      {"output_image_channel: 3", "output_image_channel: 3 scale_width: -1",
       "8:105 error augmentation_config.preprocessing.scale_width: it is -1, expected a finite number, 0 or "
       "more"},
      {"zoom_min: 1", "zoom_min: 0",
       "9:36 error augmentation_config.spatial_augmentation.zoom_min: it is 0, expected more than 0"},
      {"zoom_min: 1", "zoom_min: nan",
       "9:36 error augmentation_config.spatial_augmentation.zoom_min: it is nan, expected more than 0"},
      {"zoom_min: 1", "zoom_min: 2",
       "9:48 error augmentation_config.spatial_augmentation.zoom_max: it is 1, expected at least zoom_min, "
       "which is "
       "2"},
      {"zoom_min: 1", "hflip_probability: 1.5 zoom_min: 1",
       "9:45 error augmentation_config.spatial_augmentation.hflip_probability: it is 1.5, expected 0 to 1"},
      {"\"records/*\"", "''",
       "2:34 error dataset_config.data_sources[0].tfrecords_path: it is empty, expected a text"},
      {"batch_size_per_gpu: 4", "batch_size_per_gpu: 0",
       "31:23 error training_config.batch_size_per_gpu: it is 0, expected more than 0"},
      {"scale: 35", "scale: -35",
       "17:33 error model_config.objective_set.bbox.scale: it is -35, expected a finite number, 0 or more"},
      {"offset: 0.5", "offset: inf",
       "17:44 error model_config.objective_set.bbox.offset: it is inf, expected a finite number"},
      // What only the data loader needs, where it is not there at all.
      {"output_image_width: 320", "",
       "8:3 warning augmentation_config.preprocessing.output_image_width: TAO refuses this: it is missing, "
       "expected "
       "more than 0; the data loader needs it"},
      {"image_directory_path: \"images\"", "",
       "2:3 warning dataset_config.data_sources[0].image_directory_path: TAO refuses this: it is missing, "
       "expected a "
       "text; the data loader needs it"},
      {"batch_size_per_gpu: 4", "",
       "30:1 warning training_config.batch_size_per_gpu: TAO refuses this: it is missing, expected more than "
       "0; the "
       "data loader needs it"},
      {"preprocessing { output_image_width: 320 output_image_height: 240 output_image_channel: 3 }", "",
       "7:1 warning augmentation_config.preprocessing: TAO refuses this: it is missing; the data loader "
       "needs it"},
      // What only TAO stops at.
      {"output_image_channel: 3", "",
       "8:3 warning augmentation_config.preprocessing.output_image_channel: TAO refuses this: it is missing, "
       "expected "
       "1 or 3"},
      {"output_image_width: 320", "output_image_width: 322",
       "8:39 warning augmentation_config.preprocessing.output_image_width: TAO refuses this: it is 322, "
       "expected a "
       "multiple of 16"},
      {"dbscan_min_samples: 1", "dbscan_min_samples: 4",
       "12:84 warning postprocessing_config.target_class_config['car'].clustering_config.dbscan_min_samples: "
       "TAO refuses "
       "this: it is 4, expected 0 or 1"},
      {"nms_iou_threshold: 0.5", "dbscan_confidence_threshold: 1.2",
       "13:93 warning "
       "postprocessing_config.target_class_config['bus'].clustering_config.dbscan_confidence_threshold: TAO "
       "refuses this: it is 1.2, expected 0 to 1"},
      {"\"resnet\"", "'helnet'",
       "16:9 warning model_config.arch: TAO refuses this: it is 'helnet', expected one of resnet, vgg, "
       "darknet, "
       "mobilenet_v1, mobilenet_v2, squeezenet, googlenet, efficientnet_b0"},
      {"arch: \"resnet\"", "arch: 'resnet' num_layers: -18",
       "16:30 warning model_config.num_layers: TAO refuses this: it is -18, expected 0 or more"},
      {"scale: 35", "",
       "17:19 warning model_config.objective_set.bbox.scale: TAO refuses this: it is missing, expected more "
       "than 0"},
      {"offset: 0.5", "offset: -1",
       "17:44 warning model_config.objective_set.bbox.offset: TAO refuses this: it is -1, expected 0 or "
       "more"},
      {" cov { }", "", "17:3 warning model_config.objective_set.cov: TAO refuses this: it is missing"},
      {"first_validation_epoch: 1", "",
       "19:1 warning evaluation_config.first_validation_epoch: TAO refuses this: it is missing, expected "
       "more than 0"},
      {"{ maximum_height: 9 maximum_width: 9 }", "{ maximum_height: 9 maximum_width: 9 minimum_width: -1 }",
       "23:96 warning evaluation_config.evaluation_box_config['car'].minimum_width: TAO refuses this: it is "
       "-1, expected 0 or more"},
      {"objectives { name: \"cov\" }", "",
       "27:3 warning cost_function_config.target_classes[0].objectives: TAO refuses this: it is missing"},
      {"objectives { name: \"cov\" }", "objectives { }",
       "27:32 warning cost_function_config.target_classes[0].objectives[0].name: TAO refuses this: it is "
       "missing, "
       "expected a text"},
      {"max_learning_rate: 1e-4", "max_learning_rate: 1e-4 annealing: 1",
       "32:110 warning training_config.learning_rate.soft_start_annealing_schedule.annealing: TAO refuses "
       "this: it is 1, "
       "expected 0 or more and less than 1"},
      {"type: L1", "type: L1 weight: -0.5",
       "33:34 warning training_config.regularizer.weight: TAO refuses this: it is -0.5, expected 0 or more"},
      {"beta1: 0.9", "beta1: 0",
       "34:43 warning training_config.optimizer.adam.beta1: TAO refuses this: it is 0, expected more than 0"},
      {"adam { epsilon: 1e-8 beta1: 0.9 beta2: 0.999 }", "",
       "34:3 warning training_config.optimizer.adam: TAO refuses this: it is missing"},
      {"decrement: 1 }", "}",
       "35:3 warning training_config.cost_scaling.decrement: TAO refuses this: it is missing, expected more "
       "than 0"},
      {"cov_radius_x: 0.4", "cov_radius_x: 1.4",
       "38:58 warning bbox_rasterizer_config.target_class_config['car'].cov_radius_x: TAO refuses this: it "
       "is 1.4, "
       "expected 0 to 1"},
      {"type: L1 }", "type: L1 } visualizer { wandb_config { } }",
       "33:41 warning training_config.visualizer.wandb_config.name: TAO refuses this: it is missing, "
       "expected a text"},
      // Names, and what TAO does not look at.
      {"jpg", ".jpg",
       "3:20 warning dataset_config.image_extension: it is '.jpg', expected it without the dot: the names of "
       "the "
       "images have one already"},
      {"image_extension: \"jpg\"", "",
       "1:1 warning dataset_config.image_extension: it is empty: the names of the images will end in a dot"},
      {"jpg", "JPG",
       "3:20 warning dataset_config.image_extension: it is 'JPG': whatever is not jpg or jpeg is decoded as "
       "PNG"},
      {"output_image_channel: 3", "output_image_channel: 3 output_image_min: 9",
       "8:110 warning augmentation_config.preprocessing.output_image_min: images keep their aspect ratio, so "
       "batches "
       "have no one size"},
  };
  for (const auto& [from, to, finding] : cases) {
    const auto found = wrong_in(with(from, to));
    EXPECT_THAT(found, ::testing::Contains(finding)) << from << " -> " << to;
    // No more but what one wrong thing brings with it: another section's notes on the same class.
    EXPECT_LE(found.size(), 7U) << from;
    for (std::size_t i = 0; i + 1 < found.size(); ++i) EXPECT_NE(found[i], found[i + 1]);
  }
}

TEST(DetectnetV2Validation, TellsEverySectionThatTaoWantsOnce) {
  EXPECT_THAT(
      wrong_in("random_seed: 1"),
      ElementsAre(
          "0:0 warning dataset_config: TAO refuses this: it is missing; the data loader needs it",
          "0:0 warning augmentation_config: TAO refuses this: it is missing; the data loader needs it",
          "0:0 warning postprocessing_config: TAO refuses this: it is missing",
          "0:0 warning model_config: TAO refuses this: it is missing",
          "0:0 warning evaluation_config: TAO refuses this: it is missing",
          "0:0 error cost_function_config: it is missing",
          "0:0 warning training_config: TAO refuses this: it is missing; the data loader needs it",
          "0:0 warning bbox_rasterizer_config: TAO refuses this: it is missing"));
  EXPECT_THAT(wrong_in("random_seed: 1 cost_function_config { }"),
              ::testing::Contains("1:16 error cost_function_config.target_classes: it is missing"));
}

TEST(DetectnetV2Validation, ComparesTheNamesOfTheClassesAcrossSections) {
  EXPECT_THAT(
      wrong_in(with("key: \"bus\" value { clustering_config", "key: \"buss\" value { clustering_config")),
      ElementsAre(
          "13:3 warning postprocessing_config.target_class_config: has nothing for the target class bus",
          "13:30 warning postprocessing_config.target_class_config['buss']: 'buss' is no target class, did "
          "you "
          "mean 'bus'?"));
  EXPECT_THAT(
      wrong_in(with("target_classes { name: \"bus\"", "target_classes { name: \"truck\"")),
      ElementsAre(
          "5:3 note dataset_config.target_class_mapping: no class of the labels becomes 'truck'",
          "5:44 note dataset_config.target_class_mapping['bus']: 'bus' is no target class",
          "13:3 warning postprocessing_config.target_class_config: has nothing for the target class truck",
          "13:30 warning postprocessing_config.target_class_config['bus']: 'bus' is no target class",
          "22:3 note evaluation_config.minimum_detection_ground_truth_overlap: has nothing for the target "
          "class truck",
          "22:49 note evaluation_config.minimum_detection_ground_truth_overlap['bus']: 'bus' is no target "
          "class",
          "24:3 note evaluation_config.evaluation_box_config: has nothing for the target class truck",
          "24:32 note evaluation_config.evaluation_box_config['bus']: 'bus' is no target class",
          "39:3 note bbox_rasterizer_config.target_class_config: has nothing for the target class truck",
          "39:30 note bbox_rasterizer_config.target_class_config['bus']: 'bus' is no target class"));
}

TEST(DetectnetV2Validation, KnowsTheRulesOfTheLoadersThatPad) {
  const auto legacy = [](std::string_view more) {
    std::string text = with("output_image_channel: 3", fmt::format("output_image_channel: 3 {}", more));
    return wrong_in(text.insert(text.find("image_extension"), "dataloader_mode: LEGACY "));
  };
  EXPECT_THAT(legacy("crop_right: 4"), IsEmpty());
  EXPECT_THAT(legacy("scale_width: 0.5 scale_height: 0.5"), IsEmpty());
  EXPECT_THAT(
      legacy("scale_width: 0.5"),
      ElementsAre(
          "8:3 error augmentation_config.preprocessing.scale_height: it is 0, expected more than 0 as "
          "the other scale is: this dataloader_mode needs both"));
  EXPECT_THAT(
      legacy("output_image_min: 9"),
      ElementsAre("8:110 warning augmentation_config.preprocessing.output_image_min: this dataloader_mode "
                  "passes it over"));
}

TEST(DetectnetV2Validation, ChecksTheInferenceTasksSpecification) {
  const auto wrong = [](std::string_view text) {
    return shown(validate_detectnet_v2_inference_spec(parse_detectnet_v2_inference_spec(text)));
  };
  EXPECT_THAT(wrong("inferencer_config { batch_size: 1 image_width: 9 image_height: 9 image_channels: 1 "
                    "target_classes: 'car' }\n"
                    "bbox_handler_config { classwise_bbox_handler_config { key: 'car' value {\n"
                    "  clustering_config { dbscan_eps: 7 } bbox_color { } } } }"),
              IsEmpty());
  EXPECT_THAT(
      wrong(
          "inferencer_config { target_classes: ['car', 'bus']\n tensorrt_config { calibrator_config { } } }\n"
          "bbox_handler_config { classwise_bbox_handler_config { key: 'carr' value {\n"
          "  clustering_config { coverage_threshold: 7 } } } }"),
      ElementsAre(
          "1:1 warning inferencer_config.batch_size: TAO refuses this: it is missing, expected more than 0",
          "1:1 warning inferencer_config.image_height: TAO refuses this: it is missing, expected more than 0",
          "1:1 warning inferencer_config.image_width: TAO refuses this: it is missing, expected more than 0",
          "1:1 warning inferencer_config.image_channels: TAO refuses this: it is missing, expected 1 or 3",
          "2:20 warning inferencer_config.tensorrt_config.calibrator_config.calibration_cache: TAO refuses "
          "this: it is missing, expected a text",
          "3:23 warning bbox_handler_config.classwise_bbox_handler_config: has nothing for the target "
          "classes "
          "bus, car, and no 'default'",
          "3:60 warning bbox_handler_config.classwise_bbox_handler_config['carr']: 'carr' is no target "
          "class, "
          "did you mean 'car'?",
          "3:67 warning bbox_handler_config.classwise_bbox_handler_config['carr'].bbox_color: TAO refuses "
          "this: it is missing",
          "4:43 warning bbox_handler_config.classwise_bbox_handler_config['carr'].clustering_config."
          "coverage_threshold: TAO refuses this: it is 7, expected 0 to 1"));
}

TEST(DetectnetV2Validation, ChecksADatasetConvertSpecification) {
  const auto wrong = [](std::string_view text) {
    return shown(validate_detectnet_v2_convert_spec(parse_detectnet_v2_convert_spec(text)));
  };
  EXPECT_THAT(wrong("kitti_config { } image_directory_path: 'x'"), IsEmpty());
  EXPECT_THAT(
      wrong("sample_modifier_config { } image_directory_path: ''"),
      ElementsAre("0:0 warning : neither kitti_config nor coco_config is given",
                  "1:50 warning image_directory_path: TAO refuses this: it is empty, expected a text"));
}

TEST(DetectnetV2Validation, PutsAnEndToTheFindingsButNotToAnError) {
  std::string text = "cost_function_config {\n";
  for (int i = 0; i < 5000; ++i)
    text += "target_classes { name: 'a" + std::to_string(i) + "' class_weight: -1 }\n";
  text += "target_classes { name: 'a0' objectives { name: 'x' } }\n}";
  const auto findings = validate_detectnet_v2_spec(parse_detectnet_v2_spec(text));
  EXPECT_LE(findings.size(), 2000U);
  EXPECT_THAT(shown(findings),
              ::testing::Contains(
                  "5002:24 error cost_function_config.target_classes[5000].name: target class 'a0' stands "
                  "twice"));
}

TEST(DetectnetV2Validation, FindsNoErrorInAnySample) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA does not name the folder of sample models";
  const std::filesystem::path root(data);
  std::vector<std::filesystem::path> clean{root / "models/detectnet_v2/bccd.spec.txt"};
  for (const auto& entry : std::filesystem::directory_iterator(root / "models/detectnet_v2/dataset/specs"))
    if (entry.path().filename().string().ends_with(".spec.txt")) clean.push_back(entry.path());
  for (const auto& path : clean)
    EXPECT_THAT(shown(validate_detectnet_v2_spec(read_detectnet_v2_spec(path))), IsEmpty()) << path;
  for (const auto* name :
       {"detectnet_v2_train_resnet18_kitti.txt", "detectnet_v2_retrain_resnet18_kitti_qat.txt"}) {
    const auto findings = validate_detectnet_v2_spec(read_detectnet_v2_spec(root / "azureml/specs" / name));
    ASSERT_EQ(findings.size(), 3U) << name;  // an older release's fractions
    for (const auto& f : findings) {
      EXPECT_EQ(f.severity, Finding::Severity::kWarning);
      EXPECT_THAT(f.field, ::testing::EndsWith("dbscan_min_samples"));
    }
  }
  const Bytes inference = read_file(root / "azureml/specs/detectnet_v2_inference_kitti_etlt.txt");
  EXPECT_THAT(
      shown(validate_detectnet_v2_inference_spec(parse_detectnet_v2_inference_spec(as_text(inference)))),
      IsEmpty());
  const Bytes convert = read_file(root / "models/detectnet_v2/dataset/specs/convert_bccd.txt");
  EXPECT_THAT(shown(validate_detectnet_v2_convert_spec(parse_detectnet_v2_convert_spec(as_text(convert)))),
              IsEmpty());
}

}  // namespace
}  // namespace etalon
