// `etalon calibrate MODEL.onnx`: a calibration cache for any ONNX model that the runtime computes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "etalon/pipeline/calibration.hpp"

namespace etalon {

struct CalibrateOptions {
  std::filesystem::path model;
  CalibrationOptions calibration;
  // How pictures become the network's input: (pixel - mean) * scale. What is not given comes from the
  // metadata that etalon's own export writes, else: RGB (grey for one channel), NCHW, mean 0, scale 1/255.
  std::vector<double> mean;  // empty, one number, or one a channel in the channel order
  std::optional<double> scale;
  std::optional<ChannelOrder> channel_order;
  std::optional<Layout> layout;
  std::vector<std::int64_t> input_dims;  // channels, height, width for a model that leaves them open
};

struct CalibrateResult {
  std::vector<OutputFiles::Written> written;
  CalibrationResult calibration;
};

CalibrateResult calibrate_onnx(const CalibrateOptions& options, Log& log, Progress& progress);

}  // namespace etalon
