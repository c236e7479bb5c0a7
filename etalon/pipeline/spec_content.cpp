#include "etalon/pipeline/spec_content.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/networks/detectnet_v2/spec_facts.hpp"
#include "etalon/networks/mask_rcnn/spec_facts.hpp"
#include "etalon/spec/detectnet_v2_spec.hpp"
#include "etalon/spec/detectnet_v2_validation.hpp"
#include "etalon/spec/mask_rcnn_validation.hpp"
#include "etalon/spec/placed_message.hpp"
#include "etalon/spec/spec_kind.hpp"

namespace etalon {
namespace {

using Json = nlohmann::ordered_json;

std::string_view name_of(ClassClustering::Algorithm algorithm) {
  switch (algorithm) {
    case ClassClustering::Algorithm::kDbscan:
      return "DBSCAN";
    case ClassClustering::Algorithm::kNms:
      return "NMS";
    case ClassClustering::Algorithm::kHybrid:
      break;
  }
  return "HYBRID";
}

Json clustering_row(const ClassClustering& one) {
  return {{"class", one.class_name},
          {"algorithm", name_of(one.algorithm)},
          {"coverage_threshold", one.coverage_threshold},
          {"nms_iou_threshold", one.nms_iou_threshold},
          {"nms_confidence_threshold", one.nms_confidence_threshold},
          {"dbscan_eps", one.dbscan_eps},
          {"dbscan_min_samples", one.dbscan_min_samples},
          {"dbscan_confidence_threshold", one.dbscan_confidence_threshold},
          {"minimum_box_height", one.minimum_box_height}};
}

// What the data loader does to an image, and what comes out (docs/specs.md, "Data loader").
void add_preprocessing(const detectnet_v2::Experiment& experiment, Json& facts) {
  const auto& p = experiment.augmentation_config().preprocessing();
  const bool multisource =
      experiment.dataset_config().dataloader_mode() == detectnet_v2::DatasetConfig::MULTISOURCE;
  const bool crops = p.crop_left() != 0 || p.crop_top() != 0 || p.crop_right() != 0 || p.crop_bottom() != 0;
  Json input = Json::object();
  if (multisource && p.output_image_min() > 0) {
    input["shorter_side"] = p.output_image_min();
    input["longer_side"] = p.output_image_max();
  } else if (multisource && crops) {
    input["width"] = std::int64_t{p.crop_right()} - p.crop_left();
    input["height"] = std::int64_t{p.crop_bottom()} - p.crop_top();
  } else {
    input["width"] = p.output_image_width();
    input["height"] = p.output_image_height();
  }
  input["channels"] = p.output_image_channel();
  facts["input"] = std::move(input);
  Json steps{{"enable_auto_resize", p.enable_auto_resize()}};
  if (crops)
    steps["crop"] =
        fmt::format("{},{} to {},{}", p.crop_left(), p.crop_top(), p.crop_right(), p.crop_bottom());
  if (p.scale_width() != 0) steps["scale_width"] = p.scale_width();
  if (p.scale_height() != 0) steps["scale_height"] = p.scale_height();
  facts["preprocessing"] = std::move(steps);
}

void add_data(const DetectnetV2Spec& spec, SpecContent& content) {
  const auto& dataset = spec.experiment.dataset_config();
  const PlacedMessage placed = PlacedMessage(spec.experiment, spec.outline).child("dataset_config");
  Json rows = Json::array();
  const auto add = [&](const char* use, const detectnet_v2::DataSource& source, const PlacedMessage& at) {
    rows.push_back({{"for", use},
                    {"tfrecords_path", source.tfrecords_path()},
                    {"image_directory_path", source.image_directory_path()}});
    constexpr auto kNote = Finding::Severity::kNote;
    if (!source.tfrecords_path().empty())
      content.data_places.push_back(
          {source.tfrecords_path(), false, at.finding(kNote, "tfrecords_path", "")});
    if (!source.image_directory_path().empty())
      content.data_places.push_back(
          {source.image_directory_path(), true, at.finding(kNote, "image_directory_path", "")});
  };
  const auto places = placed.elements("data_sources");
  for (int i = 0; i < dataset.data_sources_size(); ++i)
    add("training", dataset.data_sources(i), places[static_cast<std::size_t>(i)]);
  std::string validation = "none";
  if (dataset.has_validation_fold()) validation = fmt::format("fold {}", dataset.validation_fold());
  if (dataset.has_validation_data_source()) {
    validation = "a source of its own";
    add("validation", dataset.validation_data_source(), placed.child("validation_data_source"));
  }
  Json& facts = content.facts;
  facts["data_sources"] = std::move(rows);
  facts["validation"] = validation;
  facts["image_extension"] = dataset.image_extension();
  facts["dataloader_mode"] = detectnet_v2::DatasetConfig::DATALOADER_MODE_Name(dataset.dataloader_mode());
  facts["sampling_mode"] = detectnet_v2::DatasetConfig::SAMPLING_MODE_Name(dataset.sampling_mode());
}

void add_experiment(std::string_view text, SpecContent& content) {
  DetectnetV2Spec spec = parse_detectnet_v2_spec(text);
  content.for_export = true;
  content.findings = std::move(spec.findings);
  content.wrong = validate_detectnet_v2_spec(spec);

  const auto& experiment = spec.experiment;
  const auto& bbox = experiment.model_config().objective_set().bbox();
  std::vector<std::string> classes;
  for (const auto& target : experiment.cost_function_config().target_classes())
    classes.push_back(target.name());
  Json& facts = content.facts;
  facts["network"] = "detectnet_v2";
  facts["architecture"] =
      fmt::format("{} {}", experiment.model_config().arch(), experiment.model_config().num_layers());
  facts["classes"] = classes;
  if (bbox.scale() >= 0 && std::isfinite(bbox.scale()) && std::isfinite(bbox.offset())) {
    const BoxCode code = box_code_of(experiment);
    facts["box_code"] = {{"scale", code.scale}, {"offset", code.offset}};
  }
  Json rows = Json::array();
  for (const auto& one : clustering_of(experiment, classes)) rows.push_back(clustering_row(one));
  facts["clustering"] = std::move(rows);
  add_preprocessing(experiment, facts);
  add_data(spec, content);
  facts["batch_size_per_gpu"] = experiment.training_config().batch_size_per_gpu();
  facts["random_seed"] = experiment.random_seed();
  facts["enable_qat"] = experiment.training_config().enable_qat();
}

void add_inference(std::string_view text, SpecContent& content) {
  DetectnetV2InferenceSpec spec = parse_detectnet_v2_inference_spec(text);
  content.findings = std::move(spec.findings);
  content.wrong = validate_detectnet_v2_inference_spec(spec);

  const auto& inferencer = spec.inference.inferencer_config();
  const auto& tensorrt = inferencer.tensorrt_config();
  std::string model = inferencer.tlt_config().model();
  for (const auto* path :
       {&tensorrt.trt_engine(), &tensorrt.etlt_model(), &tensorrt.uff_model(), &tensorrt.caffemodel()})
    if (model.empty()) model = *path;
  Json& facts = content.facts;
  facts["network"] = "detectnet_v2";
  facts["classes"] =
      std::vector<std::string>(inferencer.target_classes().begin(), inferencer.target_classes().end());
  facts["input"] = {{"width", inferencer.image_width()},
                    {"height", inferencer.image_height()},
                    {"channels", inferencer.image_channels()}};
  facts["batch_size"] = inferencer.batch_size();
  facts["model"] = model;
  const auto& handlers = spec.inference.bbox_handler_config().classwise_bbox_handler_config();
  std::set<std::string> names;  // a protobuf map has no order of its own
  for (const auto& [name, handler] : handlers) names.insert(name);
  Json rows = Json::array();
  for (const auto& name : names)
    if (handlers.at(name).has_clustering_config())
      rows.push_back(clustering_row(clustering_of(name, handlers.at(name).clustering_config())));
  facts["clustering"] = std::move(rows);
}

void add_convert(std::string_view text, SpecContent& content) {
  DetectnetV2ConvertSpec spec = parse_detectnet_v2_convert_spec(text);
  content.findings = std::move(spec.findings);
  content.wrong = validate_detectnet_v2_convert_spec(spec);

  const auto& config = spec.config;
  Json& facts = content.facts;
  facts["network"] = "detectnet_v2";
  if (config.has_kitti_config()) {
    const auto& kitti = config.kitti_config();
    facts["labels"] = "KITTI";
    facts["root_directory_path"] = kitti.root_directory_path();
    facts["image_dir_name"] = kitti.image_dir_name();
    facts["label_dir_name"] = kitti.label_dir_name();
    facts["num_partitions"] = kitti.num_partitions();
    facts["num_shards"] = kitti.num_shards();
  } else if (config.has_coco_config()) {
    const auto& coco = config.coco_config();
    facts["labels"] = "COCO";
    facts["root_directory_path"] = coco.root_directory_path();
    facts["img_dir_names"] =
        std::vector<std::string>(coco.img_dir_names().begin(), coco.img_dir_names().end());
    facts["annotation_files"] =
        std::vector<std::string>(coco.annotation_files().begin(), coco.annotation_files().end());
    facts["num_partitions"] = coco.num_partitions();
  }
  facts["image_directory_path"] = config.image_directory_path();
}

void add_mask_rcnn(std::string_view text, SpecContent& content) {
  MaskRcnnSpec spec = parse_mask_rcnn_spec(text);
  content.for_export = true;
  content.findings = std::move(spec.findings);
  content.wrong = validate_mask_rcnn_spec(spec);

  const auto& data = spec.experiment.data_config();
  const auto& config = spec.experiment.maskrcnn_config();
  Json& facts = content.facts;
  facts["network"] = "mask_rcnn";
  facts["architecture"] = fmt::format("{} {}", config.arch(), config.nlayers());
  facts["image_size"] = data.image_size();
  facts["num_classes"] = data.num_classes();
  const bool usable = std::ranges::none_of(
      content.wrong, [](const Finding& f) { return f.severity == Finding::Severity::kError; });
  if (usable) {
    const MaskRcnnFacts found = facts_of(spec);
    facts["input"] = {{"width", found.width}, {"height", found.height}, {"channels", 3}};
    facts["pyramid"] = {{"min_level", found.min_level}, {"max_level", found.max_level}};
    facts["anchors"] = {{"anchor_scale", found.anchor_scale},
                        {"num_scales", found.scales_per_octave},
                        {"aspect_ratios", found.aspect_ratios}};
    facts["proposals"] = {{"test_rpn_post_nms_topn", found.proposals},
                          {"test_rpn_nms_thresh", found.proposal_iou},
                          {"rpn_min_size", found.proposal_min_size}};
    facts["detections"] = {{"test_detections_per_image", found.detections},
                           {"test_nms", found.detection_iou},
                           {"bbox_reg_weights", found.box_weights}};
    facts["heads"] = {{"fast_rcnn_mlp_head_dim", found.head_width}, {"mrcnn_resolution", found.mask_size}};
    const auto cannot = plugins_cannot(found);
    facts["plugins"] = cannot.empty() ? "tensorrt, none" : "none";
    if (!cannot.empty()) facts["plugins_cannot"] = cannot;
  }
  const PlacedMessage placed = PlacedMessage(spec.experiment, spec.outline).child("data_config");
  const auto add_files = [&](const char* field, const std::string& path) {
    if (path.empty()) return;
    facts[field] = path;
    content.data_places.push_back({path, false, placed.finding(Finding::Severity::kNote, field, "")});
  };
  add_files("val_json_file", data.val_json_file());
  add_files("validation_file_pattern", data.validation_file_pattern());
  add_files("training_file_pattern", data.training_file_pattern());
  content.data_root = SpecContent::DataRoot::kWorkingDirectory;
}

}  // namespace

SpecContent content_of_spec(std::string_view text) {
  const RecognisedSpec seen = recognise_spec(text);
  SpecContent content;
  content.facts = Json::object();
  switch (seen.kind) {
    case SpecKind::kExperiment:
      content.kind = fmt::format("experiment specification of {}", seen.network);
      add_experiment(text, content);
      break;
    case SpecKind::kInference:
      content.kind = fmt::format("inference specification of {}", seen.network);
      add_inference(text, content);
      break;
    case SpecKind::kDatasetConvert:
      content.kind = fmt::format("dataset_convert specification of {}", seen.network);
      add_convert(text, content);
      break;
    case SpecKind::kMaskRcnn:
      content.kind = fmt::format("experiment specification of {}", seen.network);
      add_mask_rcnn(text, content);
      break;
    case SpecKind::kForeign:
      content.kind = fmt::format("specification of {}", seen.network);
      content.supported = false;
      content.facts["network"] = seen.network;
      content.facts["told_by"] =
          fmt::format("'{}' in line {}, column {}", seen.field, seen.line, seen.column);
      content.facts["note"] = "this network is not supported yet";
      break;
  }
  return content;
}

}  // namespace etalon
