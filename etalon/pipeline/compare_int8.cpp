#include "etalon/pipeline/compare_int8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/calibration/image_folder.hpp"
#include "etalon/detections/detectnet_v2.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/images/resize.hpp"
#include "etalon/networks/detectnet_v2/spec_facts.hpp"
#include "etalon/onnx/model.hpp"
#include "etalon/quantization/simulated_int8.hpp"
#include "etalon/report/comparison.hpp"
#include "etalon/runtime/session.hpp"
#include "etalon/spec/detectnet_v2_spec.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

InputSize input_size(const ModelProto& model) {
  const auto inputs = data_inputs(model.graph());
  if (inputs.size() == 1)
    if (const auto shape = shape_of(*inputs[0]);
        shape && shape->size() == 4 && (*shape)[1] && (*shape)[2] && (*shape)[3])
      return {static_cast<int>(*(*shape)[1]), static_cast<int>(*(*shape)[2]), static_cast<int>(*(*shape)[3])};
  throw Error(Kind::kBadInput, "expected a model with one image input of fixed height and width");
}

// Scales of the graph's tensors; a cache may spell them with or without ":0".
std::map<std::string, float> scales_of(const CalibrationCache& cache, const ModelProto& model) {
  std::map<std::string, float> scales;
  for (const auto& name : activation_names(model.graph()))
    if (const CacheLine* line = cache.find(name)) scales[name] = line->scale;
  return scales;
}

// Both models on the same images, a few at a time: `take` gets each image's index and outputs, in order.
void run_both(const ModelProto& exact, const ModelProto& rounded, const std::vector<fs::path>& images,
              const InputSize& size, const Preprocessing& how, int threads, Progress& progress,
              const std::function<void(std::size_t, const Outputs&, const Outputs&)>& take) {
  constexpr std::size_t kAtOnce = 16;  // outputs are kept for so many images, not for all
  Session exact_session(exact, {.threads = threads}), rounded_session(rounded, {.threads = threads});
  progress.begin("comparing", 2 * images.size());
  for (std::size_t first = 0; first < images.size(); first += kAtOnce) {
    const std::size_t count = std::min(kAtOnce, images.size() - first);
    const auto load = [&](std::size_t i, std::span<float> input) {
      load_calibration_image(images[first + i], size.width, size.height, how, input);
    };
    std::vector<Outputs> kept(count);
    exact_session.run_all(
        count, load, [&](std::size_t i, const Outputs& outputs) { kept[i] = outputs; }, progress);
    rounded_session.run_all(
        count, load, [&](std::size_t i, const Outputs& outputs) { take(first + i, kept[i], outputs); },
        progress);
  }
  progress.end();
}

void check_finite(const Outputs& outputs, std::string_view precision, const fs::path& image) {
  for (const auto& [name, tensor] : outputs)
    for (const float value : tensor.values)
      if (!std::isfinite(value))
        throw Error(
            Kind::kBadInput,
            fmt::format("output '{}' is {} in {} on {}", escaped(name), value, precision, quoted(image)),
            precision == "FP32" ? "the model itself overflows"
                                : "its ranges are too wide or too narrow: calibrate anew");
}

// Output tensor whose name has `word`: "cov" or "bbox", as nvinfer looks for them.
const Tensor& output_named(const Outputs& outputs, std::string_view word) {
  for (const auto& [name, tensor] : outputs)
    if (name.find(word) != std::string::npos && tensor.shape.size() == 4) return tensor;
  throw Error(Kind::kBadInput, fmt::format("no output with '{}' in its name: this is no DetectNet_v2", word));
}

struct DetectionSettings {
  std::vector<std::string> labels;
  std::vector<ClassClustering> clustering;
  BoxCode box_code;
};

// By the spec, else by number and the defaults that nvinfer_config.txt has too.
DetectionSettings detection_settings(const std::optional<fs::path>& spec_path, std::size_t class_count) {
  DetectionSettings settings;
  if (!spec_path) {
    for (std::size_t c = 0; c < class_count; ++c) settings.labels.push_back(fmt::format("class {}", c));
    settings.clustering.resize(class_count);
    return settings;
  }
  const DetectnetV2Spec spec = read_detectnet_v2_spec(*spec_path);
  return within([&] { return quoted(*spec_path); },
                [&] {
                  settings.labels = target_class_names(spec.experiment);
                  if (settings.labels.size() != class_count)
                    throw Error(Kind::kBadInput,
                                fmt::format("the spec names {} target classes, the model detects {}",
                                            settings.labels.size(), class_count));
                  settings.clustering = clustering_of(spec.experiment, settings.labels);
                  settings.box_code = box_code_of(spec.experiment);
                  return settings;
                });
}

std::vector<Detection> detect(const Outputs& outputs, const InputSize& size,
                              const std::vector<ClassClustering>& clustering, const BoxCode& code) {
  const Tensor& coverage = output_named(outputs, "cov");
  const Tensor& boxes = output_named(outputs, "bbox");
  DetectnetV2Decoding how{.box_scale = code.scale,
                          .box_offset = code.offset,
                          .input_width = size.width,
                          .input_height = size.height,
                          .classes = {}};
  how.classes.resize(static_cast<std::size_t>(coverage.shape[1]));
  for (std::size_t c = 0; c < how.classes.size() && c < clustering.size(); ++c)
    how.classes[c] = {clustering[c].coverage_threshold, clustering[c].nms_iou_threshold,
                      clustering[c].nms_confidence_threshold,
                      static_cast<double>(clustering[c].minimum_box_height)};
  return decode_detectnet_v2(coverage.values, boxes.values, static_cast<int>(coverage.shape[3]),
                             static_cast<int>(coverage.shape[2]), how);
}

std::map<std::string, std::size_t> count_by_class(const std::vector<Detection>& detections,
                                                  const std::vector<std::string>& labels) {
  std::map<std::string, std::size_t> counts;
  for (const auto& label : labels) counts[label] = 0;
  for (const auto& detection : detections) ++counts[labels.at(detection.class_index)];
  return counts;
}

}  // namespace

CompareResult compare_int8(const CompareOptions& options, Log& log, Progress& progress) {
  OutputFiles outputs;
  const IfExists if_exists = options.force ? IfExists::kReplace : IfExists::kRefuse;
  outputs.protect(options.model);
  outputs.protect(options.cal_cache_file);
  if (options.experiment_spec) outputs.protect(*options.experiment_spec);
  if (options.picture_image) outputs.protect(*options.picture_image);
  if (options.picture) outputs.reserve(*options.picture, if_exists);

  const ModelProto model =
      within([&] { return quoted(options.model); }, [&] { return read_onnx(options.model); });
  const InputSize size = within([&] { return quoted(options.model); }, [&] { return input_size(model); });
  Preprocessing how;  // DetectNet_v2's: RGB, mean 0, 1/255
  if (size.channels == 1) how.order = ChannelOrder::kGrey;
  const CalibrationCache cache = read_calibration_cache(options.cal_cache_file);
  const auto scales = scales_of(cache, model);
  if (scales.empty())
    throw Error(Kind::kBadInput, fmt::format("{} has a line for none of the tensors of {}",
                                             quoted(options.cal_cache_file), quoted(options.model)));
  std::vector<fs::path> images = list_calibration_images(options.image_dir);
  if (images.empty())
    throw Error(Kind::kBadInput, fmt::format("{} has no image (jpg, jpeg, png)", quoted(options.image_dir)));

  CompareResult result;
  result.image_count = images.size();
  const ModelProto simulated = simulate_int8(model, scales);
  result.layers = count_quantizable_layers(model);
  result.simulated_layers = count_quantizable_layers(model, scales);
  if (options.picture_image) images.push_back(*options.picture_image);
  const std::size_t drawn = options.picture_image ? images.size() - 1 : 0;
  std::map<std::string, SignalToNoise> snr;
  Outputs drawn_fp32, drawn_int8;
  run_both(model, simulated, images, size, how, options.threads, progress,
           [&](std::size_t i, const Outputs& exact, const Outputs& rounded) {
             check_finite(exact, "FP32", images[i]);
             check_finite(rounded, "INT8", images[i]);
             if (i < result.image_count)
               for (const auto& [name, tensor] : exact) snr[name].add(tensor.values, rounded.at(name).values);
             if (i == drawn) {
               drawn_fp32 = exact;
               drawn_int8 = rounded;
             }
           });
  for (const auto& [name, ratio] : snr) result.snr_db[name] = ratio.decibel();

  if (options.picture) {
    const auto class_count = static_cast<std::size_t>(output_named(drawn_fp32, "cov").shape[1]);
    const DetectionSettings settings = detection_settings(options.experiment_spec, class_count);
    const auto found_fp32 = detect(drawn_fp32, size, settings.clustering, settings.box_code);
    const auto found_int8 = detect(drawn_int8, size, settings.clustering, settings.box_code);
    result.detections_fp32 = count_by_class(found_fp32, settings.labels);
    result.detections_int8 = count_by_class(found_int8, settings.labels);
    const Image photo = within([&] { return quoted(images[drawn]); },
                               [&] { return to_rgb(decode_image(read_file(images[drawn]))); });
    outputs.stage(
        *options.picture, if_exists, 0666,
        encode_png(comparison_picture(
            detection_picture(photo, size.width, size.height, found_fp32, settings.labels, "FP32"),
            detection_picture(photo, size.width, size.height, found_int8, settings.labels, "INT8"))));
    outputs.commit();
    log.info(fmt::format("wrote {}", quoted(*options.picture)));
  }
  return result;
}

}  // namespace etalon
