// Which layers lose most in INT8, measured on images.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "etalon/base/log.hpp"
#include "etalon/calibration/calibration_images.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

struct LayerError {
  std::string layer;  // the node's output tensor
  std::string op;     // "Conv"
  double own_db;      // SNR of its output when this layer alone is rounded: its input exact
  double total_db;    // SNR of its output in the quantised network: with everything before it
};

struct QuantizationErrors {
  std::vector<LayerError> layers;         // worst own_db first
  std::map<std::string, double> outputs;  // SNR of the network's outputs, dB
};

struct LayerErrorOptions {
  std::size_t most_images = 16;
  std::vector<std::int64_t> input_dims{};
  int threads = 0;
};

QuantizationErrors measure_layer_errors(const ModelProto& exact, const ModelProto& quantized,
                                        const std::vector<std::string>& layers,
                                        const CalibrationImages& images, const LayerErrorOptions& options,
                                        Progress& progress);

}  // namespace etalon
