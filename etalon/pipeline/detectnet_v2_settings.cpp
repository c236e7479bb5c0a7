#include "etalon/pipeline/detectnet_v2_settings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/networks/detectnet_v2/spec_facts.hpp"
#include "etalon/spec/spec_kind.hpp"
#include "etalon/spec/spec_text.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using PerClass = DetectnetV2Decoding::PerClass;

PerClass limits_of(const ClassClustering& one) {
  using From = ClassClustering::Algorithm;
  using To = DetectnetV2Decoding::Algorithm;
  PerClass limits;
  limits.coverage_threshold = one.coverage_threshold;
  limits.nms_iou_threshold = one.nms_iou_threshold;
  limits.nms_confidence_threshold = one.nms_confidence_threshold;
  limits.minimum_height = one.minimum_box_height;
  limits.algorithm = one.algorithm == From::kDbscan   ? To::kDbscan
                     : one.algorithm == From::kHybrid ? To::kHybrid
                                                      : To::kNms;
  limits.dbscan_eps = one.dbscan_eps;
  limits.dbscan_min_samples = one.dbscan_min_samples;
  limits.dbscan_confidence_threshold = one.dbscan_confidence_threshold;
  return limits;
}

void use_clustering(DetectionSettings& settings, const std::vector<ClassClustering>& clustering) {
  for (const auto& one : clustering) settings.decoding.classes.push_back(limits_of(one));
}

void use_box_code(DetectionSettings& settings, const BoxCode& code) {
  settings.decoding.box_scale = code.scale;
  settings.decoding.box_offset = code.offset;
}

void check_class_count(std::size_t named, std::size_t detected, std::string_view who) {
  if (named != detected)
    throw Error(Kind::kBadInput,
                fmt::format("{} names {} target classes, the model detects {}", who, named, detected));
}

// --- the inference specification

PerClass limits_of(const std::string& label, const detectnet_v2::ClasswiseBboxHandlerConfig& handler) {
  PerClass limits = limits_of(clustering_of(label, handler.clustering_config()));
  // proto3 cannot tell 0 from nothing, and TAO takes these for a 0 (postprocessor/bbox_handler.py).
  if (limits.nms_iou_threshold == 0) limits.nms_iou_threshold = 0.3;
  if (limits.nms_confidence_threshold == 0) limits.nms_confidence_threshold = 0.1;
  const std::string& model = handler.confidence_model();
  if (model == "mean_cov") {
    limits.confidence = DetectnetV2Decoding::Confidence::kMean;
  } else if (!model.empty() && model != "aggregate_cov") {
    throw Error(Kind::kUnsupported,
                fmt::format("confidence_model of class '{}' is '{}', expected aggregate_cov or mean_cov",
                            escaped(label), escaped(model)));
  }
  return limits;
}

Colour colour_of(const detectnet_v2::ClasswiseBboxHandlerConfig& handler, std::size_t class_index) {
  if (!handler.has_bbox_color()) return class_colour(class_index);
  const auto part = [](int value) { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); };
  return {part(handler.bbox_color().r()), part(handler.bbox_color().g()), part(handler.bbox_color().b())};
}

void use_inference_spec(DetectionSettings& settings, const detectnet_v2::Inference& spec,
                        const ServedModel& served, std::size_t class_count) {
  const auto& classes = spec.inferencer_config().target_classes();
  settings.labels.assign(classes.begin(), classes.end());
  if (settings.labels.empty()) settings.labels = served.labels;
  check_class_count(settings.labels.size(), class_count, "inferencer_config");
  const auto& overlay = spec.bbox_handler_config();
  const auto& handlers = overlay.classwise_bbox_handler_config();
  for (std::size_t c = 0; c < settings.labels.size(); ++c) {
    const std::string& label = settings.labels[c];
    auto handler = handlers.find(label);
    const bool is_own = handler != handlers.end();
    if (!is_own) handler = handlers.find("default");
    if (handler == handlers.end())
      throw Error(
          Kind::kBadInput,
          fmt::format("classwise_bbox_handler_config has neither class '{}' nor 'default'", escaped(label)));
    settings.decoding.classes.push_back(limits_of(label, handler->second));
    settings.colours.push_back(colour_of(handler->second, c));
    const std::string& mapped = handler->second.output_map();
    settings.names.push_back(is_own && !mapped.empty() ? mapped : label);
  }
  settings.shown.assign(overlay.postproc_classes().begin(), overlay.postproc_classes().end());
  if (overlay.overlay_linewidth() > 0) settings.line_width = overlay.overlay_linewidth();
  if (served.box_code) use_box_code(settings, *served.box_code);
}

void use_experiment_spec(DetectionSettings& settings, const detectnet_v2::Experiment& spec,
                         std::size_t class_count) {
  settings.labels = target_class_names(spec);
  check_class_count(settings.labels.size(), class_count, "the spec");
  use_clustering(settings, clustering_of(spec, settings.labels));
  use_box_code(settings, box_code_of(spec));
}

void use_metadata(DetectionSettings& settings, const ServedModel& served, std::size_t class_count) {
  settings.labels = served.labels;
  if (settings.labels.empty())
    for (std::size_t c = 0; c < class_count; ++c) settings.labels.push_back(fmt::format("class {}", c));
  check_class_count(settings.labels.size(), class_count, "the model's metadata");
  use_clustering(settings, served.clustering);
  if (settings.decoding.classes.empty()) settings.decoding.classes.resize(class_count);
  check_class_count(settings.decoding.classes.size(), class_count, "the model's clustering");
  if (served.box_code) use_box_code(settings, *served.box_code);
}

const ValueInfoProto* output_named(const ModelProto& model, const std::string& name) {
  for (const auto& output : model.graph().output())
    if (output.name() == name) return &output;
  return nullptr;
}

}  // namespace

DetectnetV2Outputs detectnet_v2_outputs(const ServedModel& served, const ModelProto& model) {
  const auto coverage = served.tensor_of(OutputRole::kCoverage), boxes = served.tensor_of(OutputRole::kBoxes);
  if (!coverage || !boxes)
    throw Error(Kind::kBadInput, "no outputs 'output_cov' and 'output_bbox': this is no DetectNet_v2");
  const auto channels_of = [&](const std::string& name) -> std::int64_t {
    const ValueInfoProto* output = output_named(model, name);
    const auto shape = output ? shape_of(*output) : std::nullopt;
    return shape && shape->size() == 4 && (*shape)[1] ? *(*shape)[1] : 0;
  };
  constexpr std::int64_t kMostClasses = 1 << 16;
  const std::int64_t classes = channels_of(*coverage), numbers = channels_of(*boxes);
  if (classes < 1 || classes > kMostClasses || numbers != 4 * classes)
    throw Error(Kind::kBadInput,
                fmt::format("'{}' has {} channels, '{}' {}, expected 4 boxes' numbers a class",
                            escaped(*coverage), classes, escaped(*boxes), numbers));
  return {*coverage, *boxes, static_cast<std::size_t>(classes)};
}

DetectionSpec read_detection_spec(const fs::path& path) {
  return within([&] { return quoted(path); },
                [&] {
                  const Bytes bytes = read_file(path, kLargestSpecBytes);
                  const std::string_view text = as_text(bytes);
                  DetectionSpec spec;
                  if (recognise_spec(text).kind == SpecKind::kInference)
                    spec.inference = parse_detectnet_v2_inference_spec(text);
                  else
                    spec.experiment = parse_detectnet_v2_spec(text);
                  return spec;
                });
}

DetectionSettings detection_settings(const DetectionSpec& spec, const ServedModel& served,
                                     std::size_t class_count) {
  DetectionSettings settings;
  if (spec.inference)
    use_inference_spec(settings, spec.inference->inference, served, class_count);
  else if (spec.experiment)
    use_experiment_spec(settings, spec.experiment->experiment, class_count);
  else
    use_metadata(settings, served, class_count);
  return settings;
}

std::vector<Detection> detect_boxes(const Outputs& outputs, const DetectnetV2Outputs& names,
                                    const DetectnetV2Decoding& decoding) {
  const Tensor& coverage = outputs.at(names.coverage);
  if (coverage.shape.size() != 4)
    throw Error(Kind::kBadInput, fmt::format("'{}' has {} dimensions, expected 4", escaped(names.coverage),
                                             coverage.shape.size()));
  return decode_detectnet_v2(coverage.values, outputs.at(names.boxes).values,
                             static_cast<int>(coverage.shape[3]), static_cast<int>(coverage.shape[2]),
                             decoding);
}

}  // namespace etalon
