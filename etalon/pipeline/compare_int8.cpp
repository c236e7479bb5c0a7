#include "etalon/pipeline/compare_int8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/calibration/image_folder.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/images/resize.hpp"
#include "etalon/onnx/model.hpp"
#include "etalon/pipeline/detectnet_v2_settings.hpp"
#include "etalon/pipeline/detector_run.hpp"
#include "etalon/pipeline/exported_model.hpp"
#include "etalon/quantization/simulated_int8.hpp"
#include "etalon/report/comparison.hpp"
#include "etalon/runtime/session.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

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
  within([&] { return quoted(options.model); }, [&] { check_is_plain(model); });
  const ImageInput input =
      within([&] { return quoted(options.model); }, [&] { return image_input_of(model); });
  const InputSize size{input.channels, input.height, input.width};
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
    const auto in_model = [&] { return quoted(options.model); };
    const ServedModel served = within(in_model, [&] { return served_model_in(model); });
    const DetectnetV2Outputs names = within(in_model, [&] { return detectnet_v2_outputs(served, model); });
    DetectionSpec spec;
    if (options.experiment_spec) spec = read_detection_spec(*options.experiment_spec);
    DetectionSettings settings =
        within([&] { return quoted(options.experiment_spec.value_or(options.model)); },
               [&] { return detection_settings(spec, served, names.class_count); });
    settings.decoding.input_width = size.width;
    settings.decoding.input_height = size.height;
    const auto found_fp32 = detect_boxes(drawn_fp32, names, settings.decoding);
    const auto found_int8 = detect_boxes(drawn_int8, names, settings.decoding);
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
