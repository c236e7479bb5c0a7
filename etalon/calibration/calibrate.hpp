// The whole of calibration: model and images in, a cache out.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "etalon/base/log.hpp"
#include "etalon/calibration/ranges.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/images/preprocess.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

// Tensors that must share one scale, as TensorRT makes them (pooling by maximum, reshapes, transposes, nearest resize;
// the inputs of a concat take the concat's). For each tensor of the graph: the tensor whose statistics decide.
std::map<std::string, std::string> scale_sources(const ModelProto& model);

// Statistics of every tensor that decides, over `images`, in one pass. Errors: NaN or Inf met (kBadInput, tensor and
// image named), what loading an image throws.
std::map<std::string, TensorStatistics> collect_statistics(const ModelProto& model, const std::vector<std::filesystem::path>& images,
                                                           int width, int height, const Preprocessing& how, int threads,
                                                           Progress& progress);

// A line for the input and every tensor of the graph in network order.
CalibrationCache make_cache(const ModelProto& model, const std::map<std::string, TensorStatistics>& statistics, Calibrator calibrator,
                            const TensorRtVersion& version);

// How a cache that exists fits a graph. Names match with or without ":0".
struct CacheFit {
  std::vector<std::string> missing;  // tensors of the graph without a line
  std::vector<std::string> surplus;  // lines that name no tensor of the graph
  bool input_possible = true;        // the input's range is one that the preprocessing can give
  float input_range = 0;
  bool fits() const { return missing.empty() && input_possible; }
};
CacheFit check_cache(const CalibrationCache& cache, const ModelProto& model, const Preprocessing& how);

}  // namespace etalon
