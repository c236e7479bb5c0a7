// From statistics to the lines of a calibration cache, and whether a cache that exists fits a graph.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "etalon/calibration/ranges.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/images/preprocess.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

struct MadeCache {
  CalibrationCache cache;                     // the input, then every tensor with a range, in network order
  std::map<std::string, ChosenRange> chosen;  // by the tensor whose statistics decided
  std::vector<std::string>
      without;  // tensors of the graph that have no line, for nothing was counted of them
};
// `unranged`: tensors that get no line (scale_sources.hpp); they are not among `without`.
MadeCache make_cache(const ModelProto& model, const std::map<std::string, TensorStatistics>& statistics,
                     const RangeRule& rule, const TensorRtVersion& version,
                     const std::vector<std::string>& unranged = {});

// How a cache that exists fits a graph. Names match with or without ":0". A tensor that gets no range needs
// no line.
struct CacheFit {
  std::vector<std::string> missing;  // tensors of the graph without a line
  // Of the others: those whose line spells them otherwise, with or without ":0". TensorRT will not find it.
  std::vector<std::string> spelt_otherwise;
  std::vector<std::string> surplus;  // lines that name no tensor of the graph
  bool input_possible = true;        // the input's range is one that the preprocessing can give
  float input_range = 0;
  bool fits() const { return missing.empty() && input_possible; }
};
CacheFit check_cache(const CalibrationCache& cache, const ModelProto& model, const Preprocessing& how,
                     const std::vector<std::string>& unranged = {});

}  // namespace etalon
