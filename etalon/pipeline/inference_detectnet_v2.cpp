#include "etalon/pipeline/inference_detectnet_v2.hpp"

#include <fmt/format.h>

#include "etalon/base/error.hpp"
#include "etalon/images/preprocess.hpp"
#include "etalon/networks/detectnet_v2/detectnet_v2.hpp"
#include "etalon/pipeline/detectnet_v2_settings.hpp"
#include "etalon/pipeline/exported_model.hpp"
#include "etalon/pipeline/inference.hpp"
#include "etalon/pipeline/trained_model.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

fs::path model_path(const InferenceOptions& options, const DetectionSpec& spec) {
  if (!options.model.empty()) return options.model;
  if (spec.inference) {
    const auto& config = spec.inference->inference.inferencer_config();
    if (config.has_tensorrt_config())
      throw Error(Kind::kUnsupported, "the specification names a TensorRT model, which needs a GPU",
                  "give an ONNX with --model");
    if (!config.tlt_config().model().empty()) return config.tlt_config().model();
  }
  throw Error(Kind::kWrongUsage, "no model was given", "add -m MODEL.onnx");
}

ModelProto read_model(const fs::path& path, const std::string& key, const DetectionSpec& spec) {
  if (is_exported(inference_model_kind(path, "give the model that it was built from")))
    return read_runnable_model(path, key);
  KerasModel trained = read_trained_model(path, key);
  return within([&] { return quoted(path); },
                [&] {
                  return deployable_from_keras(std::move(trained),
                                               spec.experiment ? &*spec.experiment : nullptr, {})
                      .model;
                });
}

void warn_of_findings(const fs::path& path, const DetectionSpec& spec, Log& log) {
  for (const auto& finding : spec.inference ? spec.inference->findings : spec.experiment->findings)
    log.warning(fmt::format("{}: {}", quoted(path), describe(finding)));
}

// TAO squeezes a picture to the size that the specification names; ours is the model's.
void warn_of_other_size(const DetectionSpec& spec, const ImageInput& size, Log& log) {
  if (!spec.inference) return;
  const auto& config = spec.inference->inference.inferencer_config();
  if ((config.image_width() > 0 && config.image_width() != size.width) ||
      (config.image_height() > 0 && config.image_height() != size.height))
    log.warning(fmt::format("the specification says {}x{}, the model's input is {}x{} and counts",
                            config.image_width(), config.image_height(), size.width, size.height));
}

Preprocessing preprocessing_for(const ServedModel& served, const ImageInput& size) {
  if (size.channels != 1 && size.channels != 3)
    throw Error(Kind::kBadInput,
                fmt::format("the model's input has {} channels, expected 1 or 3", size.channels));
  Preprocessing how = served.preprocessing.value_or(Preprocessing{});  // DetectNet_v2's: RGB, mean 0, 1/255
  if (!served.preprocessing && size.channels == 1) how.order = ChannelOrder::kGrey;
  if ((how.order == ChannelOrder::kGrey) != (size.channels == 1) || how.layout != Layout::kNchw)
    throw Error(Kind::kBadInput, "the model's metadata 'etalon.preprocessing' does not fit its input",
                "export the model again");
  return how;
}

// By class; empty: all are wanted.
std::vector<bool> wanted_classes(const DetectionSettings& settings, const std::vector<std::string>& asked) {
  const ClassNames names{.labels = settings.labels, .shown = settings.names, .count = settings.labels.size()};
  const bool is_asked = !asked.empty();
  const auto classes =
      classes_named(is_asked ? asked : settings.shown, names, is_asked ? Kind::kWrongUsage : Kind::kBadInput);
  if (classes.empty()) return {};
  std::vector<bool> wanted(settings.labels.size(), false);
  for (const std::size_t c : classes) wanted[c] = true;
  return wanted;
}

// A box is farther than 0 even from itself (detections/clustering.cpp), so that not one cluster comes about.
void warn_of_no_clusters(const DetectionSettings& settings, Log& log) {
  std::vector<std::string> classes;
  for (std::size_t c = 0; c < settings.labels.size(); ++c) {
    const auto& limits = settings.decoding.classes[c];
    if (limits.algorithm != DetectnetV2Decoding::Algorithm::kNms && !(limits.dbscan_eps > 0))
      classes.push_back(settings.labels[c]);
  }
  if (!classes.empty())
    log.warning(fmt::format("dbscan_eps is 0 or absent: nothing will cluster, and nothing be found, of {}",
                            escaped(fmt::format("{}", fmt::join(classes, ", ")))));
}

// TAO's way back to the photo (postprocessor/bbox_handler.py): each axis by its own factor.
Detection on_photo(Detection box, int width, int height, const ImageInput& size) {
  const double x = static_cast<double>(width) / size.width, y = static_cast<double>(height) / size.height;
  box.left *= x;
  box.right *= x;
  box.top *= y;
  box.bottom *= y;
  return box;
}

}  // namespace

DetectorResult infer_detectnet_v2(const InferenceOptions& options, Log& log, Progress& progress) {
  DetectionSpec spec;
  if (options.spec) {
    spec = read_detection_spec(*options.spec);
    warn_of_findings(*options.spec, spec, log);
  }
  const fs::path path = model_path(options, spec);
  DetectorPaths paths = detector_paths(options);
  paths.inputs_besides.push_back(path);
  if (spec.inference) {
    const auto& overlay = spec.inference->inference.bbox_handler_config();
    paths.draw = !overlay.disable_overlay();
    paths.kitti = overlay.kitti_dump();
  }
  const DetectorFiles files = plan_detector_files(paths);

  Detector detector{.network = "detectnet_v2", .model = read_model(path, options.key, spec)};
  const auto in_model = [&] { return quoted(path); };
  const ServedModel served = within(in_model, [&] { return served_model_in(detector.model); });
  within(in_model, [&] { check_network(served, detector.network); });
  const ImageInput size = within(in_model, [&] { return image_input_of(detector.model); });
  const DetectnetV2Outputs outputs =
      within(in_model, [&] { return detectnet_v2_outputs(served, detector.model); });
  const Preprocessing how = within(in_model, [&] { return preprocessing_for(served, size); });
  warn_of_other_size(spec, size, log);

  DetectionSettings settings = within([&] { return quoted(options.spec ? *options.spec : path); },
                                      [&] { return detection_settings(spec, served, outputs.class_count); });
  if (options.class_map) {
    settings.labels = read_label_lines(*options.class_map);
    settings.names.clear();
    check_class_count(quoted(*options.class_map), settings.labels.size(), outputs.class_count);
  }
  settings.decoding.input_width = size.width;
  settings.decoding.input_height = size.height;
  warn_of_no_clusters(settings, log);
  // As float32, like the network's own numbers: a coverage of 0.7F is not less than a threshold of 0.7.
  const auto least_confidence = static_cast<float>(options.threshold.value_or(0));
  const std::vector<bool> wanted = wanted_classes(settings, options.classes);

  detector.labels = settings.labels;
  detector.names = settings.names;
  detector.colours = settings.colours;
  detector.line_width = settings.line_width;
  detector.prepare = [how, size](const Image& photo, std::span<float> input) {
    prepare_calibration_image(photo, size.width, size.height, how, input);
  };
  detector.find = [&](const Outputs& found, int width, int height) {
    std::vector<MaskedDetection> objects;
    for (const auto& box : detect_boxes(found, outputs, settings.decoding))
      if ((wanted.empty() || wanted[box.class_index]) && !(box.confidence < least_confidence))
        objects.push_back({on_photo(box, width, height, size), {}});
    return objects;
  };
  return run_detector(detector, files, options.threads, log, progress);
}

}  // namespace etalon
