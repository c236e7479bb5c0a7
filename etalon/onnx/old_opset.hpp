// Older operator sets' models, brought to the one that etalon writes.
//
//   opset 11: Conv, Relu, MaxPool, Add, Sigmoid    becomes  opset 13, nothing else changed
//
// Converters before 2021 wrote the lowest set that a model needs. Most operators mean the same in version 13,
// which is the first that knows quantisation by channel; a table names those that do not.
#pragma once

#include <string>

#include "etalon/onnx/model.hpp"

namespace etalon {

// Raises a model of opset 7 to 12 to kOpset and returns "". A model that has an operator whose meaning or
// form changed on the way stays as it is; the return says which. Newer models stay as they are ("").
std::string raise_old_opset(ModelProto& model);

}  // namespace etalon
