#include "etalon/pipeline/explicit_models.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "etalon/base/error.hpp"
#include "etalon/calibration/scale_sources.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/quantization/half_precision.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

struct Named {
  ExplicitPrecision precision;
  std::string_view name;
};
constexpr std::array<Named, 3> kPrecisions{{{ExplicitPrecision::kInt8, "int8"},
                                            {ExplicitPrecision::kFp16, "fp16"},
                                            {ExplicitPrecision::kInt8Fp16, "int8_fp16"}}};

ExplicitInt8Request request_of(const ExplicitJob& job) {
  ExplicitInt8Request request;
  for (const auto& [tensor, scale] : job.scales)
    if (!is_unranged(tensor, job.unranged)) request.scales.emplace(tensor, scale);
  if (!job.trained) return request;
  request.weight_steps = job.trained->weight_steps;
  request.placement = ExplicitInt8Request::Placement::kTrained;
  return request;
}

void tell_layers(const ExplicitInt8& made, Log& log) {
  log.info(
      fmt::format("explicit INT8: {} layers{}", made.quantized.size(),
                  made.left.empty() ? "" : fmt::format(", {} stay in floating point", made.left.size())));
  constexpr std::size_t kShown = 20;
  for (std::size_t i = 0; i < made.left.size(); ++i)
    log.write(
        i < kShown ? LogLevel::kInfo : LogLevel::kDebug,
        fmt::format("'{}' stays in floating point: {}", escaped(made.left[i].layer), made.left[i].reason));
  if (made.left.size() > kShown)
    log.info(fmt::format("and {} more; -v lists them", made.left.size() - kShown));
}

}  // namespace

std::string_view explicit_precision_name(ExplicitPrecision precision) {
  for (const auto& known : kPrecisions)
    if (known.precision == precision) return known.name;
  return "int8";
}

ExplicitPrecision parse_explicit_precision(std::string_view name) {
  for (const auto& known : kPrecisions)
    if (known.name == name) return known.precision;
  throw Error(Kind::kWrongUsage,
              fmt::format("--explicit '{}', expected int8, fp16 or int8_fp16", escaped(name)));
}

fs::path explicit_path(const fs::path& model, ExplicitPrecision precision) {
  return model.parent_path() /
         fmt::format("{}.{}.onnx", model.stem().string(), explicit_precision_name(precision));
}

ExplicitModels::ExplicitModels(const ExplicitJob& job, Log& log)
    : plain_(job.plain),
      computed_(job.computed),
      unranged_(job.unranged),
      same_(&job.model == &job.computed) {
  for (const auto& [tensor, scale] : job.scales) ranges_[tensor] = scale * kInt8Steps;
  if (job.scales.empty()) return;
  const ExplicitInt8Request request = request_of(job);
  int8_ = make_explicit_int8(job.model, request);
  if (!same_) computed_int8_ = make_explicit_int8(job.computed, request).model;
  tell_layers(int8_, log);
}

void ExplicitModels::correct_biases(const CalibrationImages& images, const BiasCorrectionOptions& options,
                                    Log& log, Progress& progress) {
  shifts_ = measure_bias_shifts(computed_, computed_int8(), int8_.quantized, images, options, progress);
  apply_bias_shifts(int8_.model, shifts_);
  if (!same_) apply_bias_shifts(computed_int8_, shifts_);
  log.info(fmt::format("corrected the biases of {} layers for what INT8 moves their means by, on {} images",
                       shifts_.size(), std::min(images.count(), options.most_images)));
}

ModelProto ExplicitModels::in(ExplicitPrecision precision) const {
  if (precision == ExplicitPrecision::kInt8) return int8_.model;
  const ModelProto& from = precision == ExplicitPrecision::kFp16 ? plain_ : int8_.model;
  return make_half_precision(from, {.ranges = ranges_, .keep_float = unranged_}).model;
}

QuantizationErrors ExplicitModels::errors(const CalibrationImages& images, const LayerErrorOptions& options,
                                          Progress& progress) const {
  return measure_layer_errors(computed_, computed_int8(), int8_.quantized, images, options, progress);
}

std::map<std::string, double> ExplicitModels::output_errors(const CalibrationImages& images,
                                                            const LayerErrorOptions& options,
                                                            Progress& progress) const {
  return measure_layer_errors(computed_, computed_int8(), {}, images, options, progress).outputs;
}

}  // namespace etalon
