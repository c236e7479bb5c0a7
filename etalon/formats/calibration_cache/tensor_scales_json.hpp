// TAO's `--cal_json_file`: the ranges of a quantisation-aware model as JSON. Called "scales", but ranges:
//
//   {
//       "tensor_scales": {
//           "input_1:0": 0.9199659824371338,
//           "activation_1/Relu6:0": 6.0
//       }
//   }
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace etalon {

// A tensor's name and its range, the largest |x| that is told apart.
using TensorRange = std::pair<std::string, float>;

// As Python's json.dump(..., indent=4) writes it: no line break at the end, each range as the shortest
// decimal number that gives its double, names escaped to ASCII. In the given order; of a name that stands
// twice the last range.
std::string format_tensor_scales(const std::vector<TensorRange>& ranges);

}  // namespace etalon
