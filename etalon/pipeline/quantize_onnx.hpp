// `etalon quantize`: an ONNX and a calibration cache that somebody has become an explicitly quantised model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "etalon/base/file.hpp"
#include "etalon/pipeline/calibration.hpp"
#include "etalon/pipeline/explicit_models.hpp"
#include "etalon/pipeline/onnx_input.hpp"

namespace etalon {

struct QuantizeOptions {
  std::filesystem::path model;  // .onnx, or .etlt with its key
  std::string key;
  std::filesystem::path output;  // empty: nothing is written, only ranked
  ExplicitPrecision precision = ExplicitPrecision::kInt8;
  // cal_cache_file is the cache; images (cal_image_dirs, cal_data_file, batches, ...) serve bias correction
  // and the ranking, and may be absent.
  CalibrationOptions calibration;
  OnnxInputOptions input;               // how the images become the model's input
  bool rank = false;                    // measure every layer's error on the images
  std::optional<bool> bias_correction;  // else: on where images are named
};

struct QuantizeResult {
  std::vector<OutputFiles::Written> written;
  std::vector<std::string> quantized;  // layers in INT8, by their output tensor
  std::vector<LayerLeftFloat> left;    // and in floating point
  std::uint64_t biases_corrected = 0;  // layers
  // Of the cache (calibration/cache_scales.hpp):
  std::uint64_t lines = 0, tensors_with_scale = 0;
  std::vector<std::pair<std::string, std::string>> spelt_otherwise;
  std::vector<std::string> missing, absorbed, unnamed, foreign;
  std::optional<QuantizationErrors> errors;
};

// Errors: kBadInput (model or cache damaged; the cache fits less than half of the model's layers; a scale
// that is of no use; the model is quantised already), kUnsupported (opset below 13), kWrongUsage (flags).
QuantizeResult quantize_onnx(const QuantizeOptions& options, Log& log, Progress& progress);

struct ExtractOptions {
  std::filesystem::path model, output;
  std::string key;
  TensorRtVersion trt_version;
  bool force = false;
};
struct ExtractResult {
  OutputFiles::Written written;
  std::uint64_t lines = 0;
};

// `etalon calibrate extract`: the cache of an explicitly quantised model, a line for each activation that it
// rounds. Error (kBadInput): the model rounds none.
ExtractResult extract_cache(const ExtractOptions& options, Log& log);

}  // namespace etalon
