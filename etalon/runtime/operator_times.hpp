// Where a model's time goes, by what the runtime really executes: its fused operators and its reorders.
//
//   for (const OperatorTime& row : operator_times(model, image, 5)) sum[row.type] += row.milliseconds;
#pragma once

#include <span>
#include <string>
#include <vector>

#include "etalon/onnx/model.hpp"

namespace etalon {

struct OperatorTime {
  std::string type;         // OpenVINO's word: "Convolution", "FullyConnected", "Reorder", ...
  std::string name;         // of the operator in OpenVINO's graph, mostly its ONNX node's
  double milliseconds = 0;  // of one image in one thread: the median of the runs
};

// Runs one image `runs` times (at least once), after a run that is not counted, in float32 and on one thread,
// as a lane of a Session does. Every operator that was executed, in OpenVINO's order. Errors: as Session's
// constructor; kInternal (an input of another size); kUnsupported without OpenVINO.
std::vector<OperatorTime> operator_times(const ModelProto& model, std::span<const float> input,
                                         std::size_t runs);

}  // namespace etalon
