// The scales that somebody's calibration cache has for a graph: old caches spell names in other ways, and
// have lines for tensors that the graph does not have any more.
//
//   const CacheScales found = cache_scales(read_calibration_cache("cal.bin"), model);
//   found.scales.at("activation_1/Relu")
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

struct CacheScales {
  std::map<std::string, float> scales;  // by tensor of the graph: as the lines have them, even if useless
  // Tensors found under another spelling, with or without ":0": tensor and line.
  std::vector<std::pair<std::string, std::string>> spelt_otherwise;
  // Tensors without a line that have their source's scale (scale_sources.hpp): tensor and source.
  std::vector<std::pair<std::string, std::string>> inherited;
  std::vector<std::string> missing;  // tensors without a scale, in graph order
  // Lines that name no tensor of the graph: what folding took out of a layer that is there
  // ("conv1/convolution", "bn_conv1/batchnorm/mul_1"), TensorRT's own ("(Unnamed Layer* 9)
  // [Constant]_output", "ONNXTRT_Broadcast_3"), and all others.
  std::vector<std::string> absorbed, unnamed, foreign;
};

// Names match exactly, else with or without ":0".
CacheScales cache_scales(const CalibrationCache& cache, const ModelProto& model);

}  // namespace etalon
