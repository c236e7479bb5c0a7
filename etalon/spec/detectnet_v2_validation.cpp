#include "etalon/spec/detectnet_v2_validation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/base/name_match.hpp"
#include "etalon/spec/field_rules.hpp"

namespace etalon {
namespace {

using Severity = Finding::Severity;
constexpr auto kError = Severity::kError;
constexpr auto kWarning = Severity::kWarning;
constexpr auto kNote = Severity::kNote;

// No comparison holds for a NaN, which protobuf's text can say: so it keeps no rule.
constexpr Condition kPositive{.expected = "more than 0", .number = [](double v) { return v > 0; }};
constexpr Condition kPictureSide{.expected = "at most 65535", .number = [](double v) { return v <= 65535; }};
constexpr Condition kNotNegative{.expected = "0 or more", .number = [](double v) { return v >= 0; }};
constexpr Condition kFraction{.expected = "0 to 1", .number = [](double v) { return 0 <= v && v <= 1; }};
constexpr Condition kBelowOne{.expected = "0 or more and less than 1",
                              .number = [](double v) { return 0 <= v && v < 1; }};
constexpr Condition kFinite{.expected = "a finite number",
                            .number = [](double v) { return std::isfinite(v); }};
constexpr Condition kFiniteNotNegative{.expected = "a finite number, 0 or more",
                                       .number = [](double v) { return std::isfinite(v) && v >= 0; }};
constexpr Condition kZeroOrOne{.expected = "0 or 1", .number = [](double v) { return v == 0 || v == 1; }};
constexpr Condition kOneOrThree{.expected = "1 or 3", .number = [](double v) { return v == 1 || v == 3; }};
constexpr Condition kUnsetOrOneOrThree{.expected = "1 or 3",
                                       .number = [](double v) { return v == 0 || v == 1 || v == 3; }};
constexpr Condition kSixteenths{.expected = "a multiple of 16",
                                .number = [](double v) { return std::fmod(v, 16) == 0; }};
constexpr Condition kNotEmpty{.expected = "a text", .text = [](std::string_view v) { return !v.empty(); }};
constexpr std::string_view kArchitectures[] = {"resnet",       "vgg",        "darknet",   "mobilenet_v1",
                                               "mobilenet_v2", "squeezenet", "googlenet", "efficientnet_b0"};
constexpr Condition kArchitecture{
    .expected =
        "one of resnet, vgg, darknet, mobilenet_v1, mobilenet_v2, squeezenet, googlenet, "
        "efficientnet_b0",
    .text = [](std::string_view v) {
      return std::ranges::find(kArchitectures, v) != std::end(kArchitectures);
    }};

// TAO's schema train_val (NVIDIA/tao_tensorflow1_backend, detectnet_v2/spec_handler/constants.py and
// common/spec_validator.py), with the severity that each rule has here, and before them the rules of etalon's
// own, which are errors. A part that only the data loader needs may be left out: images can come from a
// folder.
constexpr FieldRule kTrainValRules[] = {
    // What the network's outputs and the data loader's batches stand on.
    {"name", "TargetClass", kNotEmpty, kError},
    {"scale", "BboxObjective", kFiniteNotNegative, kError},
    {"offset", "BboxObjective", kFinite, kError},
    {"output_image_width", "", kPositive, kError, true},
    {"output_image_height", "", kPositive, kError, true},
    {"output_image_width", "", kPictureSide, kError},
    {"output_image_height", "", kPictureSide, kError},
    {"output_image_channel", "", kUnsetOrOneOrThree, kError},
    {"scale_width", "", kFiniteNotNegative, kError},
    {"scale_height", "", kFiniteNotNegative, kError},
    {"hflip_probability", "", kFraction, kError},
    {"vflip_probability", "", kFraction, kError},
    {"zoom_min", "", kPositive, kError, true},
    {"tfrecords_path", "DataSource", kNotEmpty, kError, true},
    {"image_directory_path", "DataSource", kNotEmpty, kError, true},
    {"batch_size_per_gpu", "", kPositive, kError, true},
    // Its data loader asserts this; TAO's table has a rule for a field output_channel, which does not exist.
    {"output_image_channel", "", kOneOrThree, kWarning},

    {"annealing", "", kBelowOne, kWarning},
    {"arch", "", kArchitecture, kWarning},
    {"bbox_min_radius", "", kFraction, kWarning},
    {"beta1", "", kPositive, kWarning},
    {"beta2", "", kPositive, kWarning},
    {"class_weight", "", kNotNegative, kWarning},
    {"color_shift_stddev", "", kFraction, kWarning},
    {"confidence_threshold", "", kFraction, kWarning},
    {"contrast_center", "", kFraction, kWarning},
    {"contrast_scale_max", "", kFraction, kWarning},
    {"cov_center_x", "", kFraction, kWarning},
    {"cov_center_y", "", kFraction, kWarning},
    {"cov_radius_x", "", kFraction, kWarning},
    {"cov_radius_y", "", kFraction, kWarning},
    {"coverage_foreground_weight", "", kNotNegative, kWarning},
    {"coverage_threshold", "", kFraction, kWarning},
    {"dbscan_confidence_threshold", "", kFraction, kWarning},
    {"dbscan_eps", "", kFraction, kWarning},
    {"dbscan_min_samples", "", kZeroOrOne, kWarning},  // 0..1 of an integer
    {"deadzone_radius", "", kFraction, kWarning},
    {"decrement", "", kPositive, kWarning},
    {"epsilon", "", kPositive, kWarning},
    {"first_validation_epoch", "", kPositive, kWarning},
    {"hue_rotation_max", "", kNotNegative, kWarning},
    {"image_directory_path", "", kNotEmpty, kWarning},
    {"increment", "", kPositive, kWarning},
    {"initial_exponent", "", kPositive, kWarning},
    {"initial_weight", "", kNotNegative, kWarning},
    {"max_learning_rate", "", kPositive, kWarning},
    {"maximum_height", "", kPositive, kWarning},
    {"maximum_width", "", kPositive, kWarning},
    {"min_bbox_height", "", kNotNegative, kWarning},
    {"min_bbox_width", "", kNotNegative, kWarning},
    {"min_learning_rate", "", kPositive, kWarning},
    {"minimum_bounding_box_height", "", kNotNegative, kWarning},
    {"minimum_height", "", kNotNegative, kWarning},
    {"minimum_width", "", kNotNegative, kWarning},
    {"name", "", kNotEmpty, kWarning},
    {"neighborhood_size", "", kZeroOrOne, kWarning},
    {"nms_confidence_threshold", "", kFraction, kWarning},
    {"nms_iou_threshold", "", kFraction, kWarning},
    {"num_epochs", "", kPositive, kWarning},
    {"num_layers", "", kNotNegative, kWarning},
    {"offset", "", kNotNegative, kWarning},
    {"output_image_height", "", kSixteenths, kWarning},
    {"output_image_width", "", kSixteenths, kWarning},
    {"saturation_shift_max", "", kFraction, kWarning},
    {"scale", "", kPositive, kWarning},
    {"soft_start", "", kBelowOne, kWarning},
    {"translate_max_x", "", kNotNegative, kWarning},
    {"translate_max_y", "", kNotNegative, kWarning},
    {"validation_period_during_training", "", kPositive, kWarning},
    {"weight", "", kNotNegative, kWarning},
    {"weight_target", "", kNotNegative, kWarning},
    {"zoom_max", "", kNotNegative, kWarning},
};

constexpr RequiredField kTrainValRequired[] = {
    {"Experiment", "dataset_config", kWarning, true},
    {"Experiment", "augmentation_config", kWarning, true},
    {"Experiment", "postprocessing_config", kWarning},
    {"Experiment", "model_config", kWarning},
    {"Experiment", "evaluation_config", kWarning},
    {"Experiment", "cost_function_config", kError},
    {"Experiment", "training_config", kWarning, true},
    {"Experiment", "bbox_rasterizer_config", kWarning},
    {"ModelConfig", "objective_set", kWarning},
    {"ObjectiveSet", "bbox", kWarning},
    {"ObjectiveSet", "cov", kWarning},
    {"TrainingConfig", "learning_rate", kWarning},
    {"TrainingConfig", "regularizer", kWarning},
    {"TrainingConfig", "optimizer", kWarning},
    {"TrainingConfig", "cost_scaling", kWarning},
    {"OptimizerConfig", "adam", kWarning},
    {"EvaluationConfig", "minimum_detection_ground_truth_overlap", kWarning},
    {"EvaluationConfig", "evaluation_box_config", kWarning},
    {"CostFunctionConfig", "target_classes", kError},
    {"TargetClass", "objectives", kWarning},
    {"AugmentationConfig", "preprocessing", kWarning, true},
    {"BboxRasterizerConfig", "target_class_config", kWarning},
    {"PostProcessingConfig", "target_class_config", kWarning},
    {"DatasetConfig", "data_sources", kWarning, true},
    {"DatasetConfig", "target_class_mapping", kWarning},
};

// TAO's schema inference.
constexpr FieldRule kInferenceRules[] = {
    {"batch_size", "", kPositive, kWarning},
    {"calibration_cache", "", kNotEmpty, kWarning},
    {"coverage_threshold", "", kFraction, kWarning},
    {"image_channels", "", kOneOrThree, kWarning},
    {"image_height", "", kPositive, kWarning},
    {"image_width", "", kPositive, kWarning},
    {"minimum_bounding_box_height", "", kNotNegative, kWarning},
};

constexpr RequiredField kInferenceRequired[] = {
    {"Inference", "inferencer_config", kWarning},
    {"Inference", "bbox_handler_config", kWarning},
    {"BboxHandlerConfig", "classwise_bbox_handler_config", kWarning},
    {"ClasswiseBboxHandlerConfig", "clustering_config", kWarning},
    {"ClasswiseBboxHandlerConfig", "bbox_color", kWarning},
};

constexpr FieldRule kConvertRules[] = {{"image_directory_path", "", kNotEmpty, kWarning}};

std::vector<Finding> in_order_of_text(std::vector<Finding> findings) {
  std::ranges::stable_sort(findings, {}, [](const Finding& f) { return std::pair(f.line, f.column); });
  return findings;
}

std::string in_quotes(std::string_view text) { return fmt::format("'{}'", escaped(text, 60)); }

// "it is 'catt', which is no target class, did you mean 'cat'?"
std::string no_class(std::string_view name, const std::vector<std::string>& classes) {
  std::string text = fmt::format("{} is no target class", in_quotes(name));
  constexpr std::size_t kMostToCompare = 100;  // real specifications have a handful
  const auto nearest = classes.size() <= kMostToCompare ? nearest_name(name, classes) : std::nullopt;
  return nearest ? fmt::format("{}, did you mean {}?", text, in_quotes(*nearest)) : text;
}

// The names of the classes, those that stand twice told.
std::vector<std::string> check_classes(const PlacedMessage& cost_function, std::vector<Finding>& findings) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const auto& target : cost_function.elements("target_classes")) {
    const auto& name =
        static_cast<const detectnet_v2::CostFunctionConfig::TargetClass&>(target.message()).name();
    if (name.empty()) continue;  // the rules have it
    if (!seen.insert(name).second)
      add_finding(findings, target.finding(kError, "name",
                                           fmt::format("target class {} stands twice", in_quotes(name))));
    else
      names.push_back(name);
  }
  return names;
}

void check_keys(const PlacedMessage& section, std::string_view map, Severity severity,
                const std::vector<std::string>& classes, std::vector<Finding>& findings) {
  if (!section.has(map)) return;  // that it is missing is told elsewhere
  std::set<std::string, std::less<>> keys;
  const std::set<std::string, std::less<>> known(classes.begin(), classes.end());
  for (const auto& [key, entry] : section.entries(map)) {
    keys.insert(key);
    if (!known.contains(key)) add_finding(findings, entry.finding(severity, "key", no_class(key, classes)));
  }
  std::vector<std::string> missing;
  for (const auto& name : classes)
    if (!keys.contains(name)) missing.push_back(name);
  if (!missing.empty())
    add_finding(findings, section.finding(severity, map,
                                          fmt::format("has nothing for the target class{} {}",
                                                      missing.size() == 1 ? "" : "es",
                                                      escaped(fmt::format("{}", fmt::join(missing, ", "))))));
}

void check_mapping(const PlacedMessage& dataset, const std::vector<std::string>& classes,
                   std::vector<Finding>& findings) {
  if (!dataset.has("target_class_mapping")) return;
  const auto& mapping =
      static_cast<const detectnet_v2::DatasetConfig&>(dataset.message()).target_class_mapping();
  std::set<std::string, std::less<>> reached;
  const std::set<std::string, std::less<>> known(classes.begin(), classes.end());
  for (const auto& [key, entry] : dataset.entries("target_class_mapping")) {
    const std::string& target = mapping.at(key);
    reached.insert(target);
    if (!known.contains(target))
      add_finding(findings, entry.finding(kNote, "value", no_class(target, classes)));
  }
  for (const auto& name : classes)
    if (!reached.contains(name))
      add_finding(findings,
                  dataset.finding(kNote, "target_class_mapping",
                                  fmt::format("no class of the labels becomes {}", in_quotes(name))));
}

void check_extension(const PlacedMessage& dataset, std::vector<Finding>& findings) {
  const std::string& extension =
      static_cast<const detectnet_v2::DatasetConfig&>(dataset.message()).image_extension();
  if (extension == "jpg" || extension == "jpeg" || extension == "png") return;
  std::string text =
      fmt::format("it is {}: whatever is not jpg or jpeg is decoded as PNG", in_quotes(extension));
  if (extension.empty())
    text = "it is empty: the names of the images will end in a dot";
  else if (extension.front() == '.')
    text = fmt::format("it is {}, expected it without the dot: the names of the images have one already",
                       in_quotes(extension));
  add_finding(findings, dataset.finding(kWarning, "image_extension", std::move(text)));
}

// What the constructors of TAO's augmentation refuse beside the rules on single fields, and so does our data
// loader where the numbers would give no image.
void check_augmentation(const PlacedMessage& augmentation, bool multisource, std::vector<Finding>& findings) {
  const auto& config = static_cast<const detectnet_v2::AugmentationConfig&>(augmentation.message());
  if (config.has_spatial_augmentation()) {
    const auto& spatial = config.spatial_augmentation();
    if (spatial.zoom_min() > 0 && !(spatial.zoom_min() <= spatial.zoom_max()))
      add_finding(findings, augmentation.child("spatial_augmentation")
                                .finding(kError, "zoom_max",
                                         fmt::format("it is {}, expected at least zoom_min, which is {}",
                                                     spatial.zoom_max(), spatial.zoom_min())));
  }
  if (!config.has_preprocessing()) return;
  const auto& p = config.preprocessing();
  const PlacedMessage at = augmentation.child("preprocessing");
  const bool crops = p.crop_left() != 0 || p.crop_top() != 0 || p.crop_right() != 0 || p.crop_bottom() != 0;
  // An empty rectangle is none to the loaders that only move by it.
  const auto wrong = [&](std::uint32_t from, std::uint32_t to) {
    return from > to || (multisource && crops && from == to);
  };
  if (wrong(p.crop_left(), p.crop_right()))
    add_finding(findings, at.finding(kError, "crop_right",
                                     fmt::format("it is {}, expected more than crop_left, which is {}",
                                                 p.crop_right(), p.crop_left())));
  if (wrong(p.crop_top(), p.crop_bottom()))
    add_finding(findings, at.finding(kError, "crop_bottom",
                                     fmt::format("it is {}, expected more than crop_top, which is {}",
                                                 p.crop_bottom(), p.crop_top())));
  if (!multisource && (p.scale_width() != 0) != (p.scale_height() != 0))
    add_finding(findings,
                at.finding(kError, p.scale_width() == 0 ? "scale_width" : "scale_height",
                           "it is 0, expected more than 0 as the other scale is: this dataloader_mode "
                           "needs both"));
  if (p.output_image_min() > 0)
    add_finding(findings,
                at.finding(kWarning, "output_image_min",
                           multisource ? "images keep their aspect ratio, so batches have no one size"
                                       : "this dataloader_mode passes it over"));
}

}  // namespace

std::vector<Finding> validate_detectnet_v2_spec(const DetectnetV2Spec& spec) {
  std::vector<Finding> findings;
  const PlacedMessage root(spec.experiment, spec.outline);
  check_fields(root, kTrainValRules, kTrainValRequired, findings);
  const bool multisource =
      spec.experiment.dataset_config().dataloader_mode() == detectnet_v2::DatasetConfig::MULTISOURCE;
  if (root.has("augmentation_config"))
    check_augmentation(root.child("augmentation_config"), multisource, findings);
  if (root.has("dataset_config")) check_extension(root.child("dataset_config"), findings);

  const auto classes = check_classes(root.child("cost_function_config"), findings);
  if (classes.empty()) return in_order_of_text(std::move(findings));
  // Export takes the clustering; the others matter to training only.
  check_keys(root.child("postprocessing_config"), "target_class_config", kWarning, classes, findings);
  check_keys(root.child("bbox_rasterizer_config"), "target_class_config", kNote, classes, findings);
  const PlacedMessage evaluation = root.child("evaluation_config");
  check_keys(evaluation, "minimum_detection_ground_truth_overlap", kNote, classes, findings);
  check_keys(evaluation, "evaluation_box_config", kNote, classes, findings);
  check_mapping(root.child("dataset_config"), classes, findings);
  return in_order_of_text(std::move(findings));
}

std::vector<Finding> validate_detectnet_v2_inference_spec(const DetectnetV2InferenceSpec& spec) {
  std::vector<Finding> findings;
  const PlacedMessage root(spec.inference, spec.outline);
  check_fields(root, kInferenceRules, kInferenceRequired, findings);
  const auto& targets = spec.inference.inferencer_config().target_classes();
  std::vector<std::string> classes(targets.begin(), targets.end());
  if (!classes.empty() && root.has("bbox_handler_config")) {
    const PlacedMessage handler = root.child("bbox_handler_config");
    const auto entries = handler.entries("classwise_bbox_handler_config");
    const bool for_the_rest =
        std::ranges::any_of(entries, [](const auto& e) { return e.first == "default"; });
    std::set<std::string> known(classes.begin(), classes.end());
    for (const auto& [key, entry] : entries) {
      if (key != "default" && !known.contains(key))
        add_finding(findings, entry.finding(kWarning, "key", no_class(key, classes)));
      known.erase(key);
    }
    if (!for_the_rest && !known.empty())
      add_finding(findings,
                  handler.finding(kWarning, "classwise_bbox_handler_config",
                                  fmt::format("has nothing for the target class{} {}, and no 'default'",
                                              known.size() == 1 ? "" : "es",
                                              escaped(fmt::format("{}", fmt::join(known, ", "))))));
  }
  return in_order_of_text(std::move(findings));
}

std::vector<Finding> validate_detectnet_v2_convert_spec(const DetectnetV2ConvertSpec& spec) {
  std::vector<Finding> findings;
  const PlacedMessage root(spec.config, spec.outline);
  check_fields(root, kConvertRules, {}, findings);
  if (!spec.config.has_kitti_config() && !spec.config.has_coco_config())
    add_finding(findings, root.finding(kWarning, "neither kitti_config nor coco_config is given"));
  return in_order_of_text(std::move(findings));
}

}  // namespace etalon
