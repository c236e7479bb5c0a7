// Which tensors have to be counted so that the statistics of others follow.
//
// With x and y = Relu(x) both wanted, only x is counted: its signed histogram gives that of y exactly (what was negative
// is zero, the largest y is the largest positive x). A tap on y would be a second count of the same numbers.
//
//   plan_observations(graph, {"conv1", "conv1/Relu"})  ->  {{"conv1", rectified {"conv1/Relu"}}}
#pragma once

#include <string>
#include <vector>

#include "etalon/onnx/model.hpp"

namespace etalon {

struct Observation {
  std::string tensor;                  // counted where it is computed
  std::vector<std::string> rectified;  // wanted tensors that are max(tensor, 0)
};

// In the order of `wanted`; a name that is there twice counts once.
std::vector<Observation> plan_observations(const GraphProto& graph, const std::vector<std::string>& wanted);

}  // namespace etalon
