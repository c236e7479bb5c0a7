// `etalon calibrate MODEL.onnx`: a calibration cache for any ONNX model that the runtime computes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "etalon/pipeline/calibration.hpp"
#include "etalon/pipeline/onnx_input.hpp"

namespace etalon {

struct CalibrateOptions {
  std::filesystem::path model;  // .onnx, or .etlt with its key
  std::string key;
  CalibrationOptions calibration;
  OnnxInputOptions input;
};

struct CalibrateResult {
  std::vector<OutputFiles::Written> written;
  CalibrationResult calibration;
};

CalibrateResult calibrate_onnx(const CalibrateOptions& options, Log& log, Progress& progress);

}  // namespace etalon
