// Models in explicit precision beside the one that is exported: int8, fp16, or int8 with half floats around
// it.
//
//   ExplicitModels made(job, log);              // Q/DQ where the ranges say
//   made.correct_biases(images, options, log, progress);
//   made.in(ExplicitPrecision::kInt8)
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/base/log.hpp"
#include "etalon/calibration/calibration_images.hpp"
#include "etalon/networks/deployable.hpp"
#include "etalon/onnx/model.hpp"
#include "etalon/quantization/bias_correction.hpp"
#include "etalon/quantization/explicit_int8.hpp"
#include "etalon/quantization/layer_errors.hpp"

namespace etalon {

enum class ExplicitPrecision { kInt8, kFp16, kInt8Fp16 };
std::string_view explicit_precision_name(ExplicitPrecision precision);  // "int8", "fp16", "int8_fp16"
ExplicitPrecision parse_explicit_precision(std::string_view name);      // Error(kWrongUsage)
constexpr bool has_int8(ExplicitPrecision precision) { return precision != ExplicitPrecision::kFp16; }

// m.onnx, m.etlt -> m.int8.onnx beside it.
std::filesystem::path explicit_path(const std::filesystem::path& model, ExplicitPrecision precision);

struct ExplicitJob {
  const ModelProto& plain;  // becomes fp16
  const ModelProto& model;  // becomes INT8: the same, or with balanced channels
  // As `model`, or a graph that a CPU can run and that has the same layers under the same names.
  const ModelProto& computed;
  std::map<std::string, float> scales{};         // by tensor; empty: nothing becomes INT8
  const TrainedQuantization* trained = nullptr;  // ranges and kernels that training fixed
  std::vector<std::string> unranged{};           // scale_sources.hpp
};

class ExplicitModels {
 public:
  // Tells which layers stay in floating point. Errors of make_explicit_int8.
  ExplicitModels(const ExplicitJob& job, Log& log);

  // Of the INT8 models; the model of the job keeps its own.
  void correct_biases(const CalibrationImages& images, const BiasCorrectionOptions& options, Log& log,
                      Progress& progress);

  ModelProto in(ExplicitPrecision precision) const;
  const ExplicitInt8& int8() const { return int8_; }
  const BiasShifts& shifts() const { return shifts_; }  // empty: not corrected

  // Of the graph that can be run.
  QuantizationErrors errors(const CalibrationImages& images, const LayerErrorOptions& options,
                            Progress& progress) const;
  // Of the outputs alone: SNR beside FP32 in dB, by name.
  std::map<std::string, double> output_errors(const CalibrationImages& images,
                                              const LayerErrorOptions& options, Progress& progress) const;
  const ModelProto& computed_int8() const { return same_ ? int8_.model : computed_int8_; }

 private:
  const ModelProto& plain_;
  const ModelProto& computed_;
  std::vector<std::string> unranged_;
  std::map<std::string, float> ranges_;
  bool same_;
  ExplicitInt8 int8_;
  ModelProto computed_int8_;  // where `computed` is another graph
  BiasShifts shifts_;
};

}  // namespace etalon
