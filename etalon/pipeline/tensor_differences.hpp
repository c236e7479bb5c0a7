// How far the tensors of two models are apart on one image.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "etalon/base/log.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

struct TensorDifference {
  std::string first, second;  // tensors
  std::string shapes;         // "1x3x4 and 1x3x5"; empty: they are the same
  double max_abs = 0;         // infinite where a number of the two is none
  double relative = 0;        // max_abs beside the first's largest number
  double snr_db = 0;  // of the second to the first; +inf: equal, -inf: shapes or a number that is none
};

// Of those of the pairs (the first's tensor, the second's) that the runtime computes as numbers of its own in
// both, in their order. A few are computed at a time: a network's tensors together may be gigabytes.
std::vector<TensorDifference> tensor_differences(
    const ModelProto& first, const ModelProto& second,
    const std::vector<std::pair<std::string, std::string>>& pairs,
    const std::function<void(std::span<float>)>& fill, int threads, Progress& progress);

}  // namespace etalon
