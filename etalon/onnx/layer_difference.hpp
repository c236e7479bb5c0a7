// How two nodes that are the same layer of two models differ.
//
//   for (const auto& said : layer_differences(a, first, b, second, match.tensors))
//     // {"pads", "[2,2,3,3]", "[3,3,3,3]"}
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "etalon/onnx/graph_match.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

struct LayerDifference {
  std::string what;           // "operator", an attribute's name, "input 0"
  std::string first, second;  // as text; fit for a terminal
};

// Operator, attributes, and which tensors are read. An attribute that is left out counts as what the operator
// does without it; `auto_pad` VALID and NOTSET as the pads that they are; a convolution's kernel_shape is its
// weight's. `tensors` is GraphMatch::tensors.
std::vector<LayerDifference> layer_differences(
    const NodeProto& first, const Constants& first_constants, const NodeProto& second,
    const Constants& second_constants, const std::map<std::string, std::string, std::less<>>& tensors);

// Of a constant that both read in the same place.
struct WeightDifference {
  std::string first, second;  // names
  std::string shapes;         // "[40,3,7,7] and [32,3,7,7]"; empty: they are the same
  double max_abs = 0;         // of the numbers' differences; infinite where a number is none
  double relative = 0;        // max_abs beside the largest of both
};

// All of them, the equal ones too. Constants of types that hold no numbers are passed over. Errors
// (kBadInput): data that does not fit its shape.
std::vector<WeightDifference> weight_differences(const NodeProto& first, const Constants& first_constants,
                                                 const NodeProto& second, const Constants& second_constants);

}  // namespace etalon
