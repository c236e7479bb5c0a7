// Takes out nodes that hand on what they were given:
//
//   Identity(x) -> y;  f(y) -> z                          becomes  f(x) -> z
//   Dropout(x) -> y (not training)                        likewise
//   Reshape or Flatten(x) -> y, shape(y) == shape(x)      likewise
//   Flatten(x) -> u;  Reshape(u) -> y, shape(y) == shape(x)    likewise: there and back again
//
// Shapes are those that the graph notes (inputs, value_info); unknown ones, and a batch that is unknown on
// one side only, do not count as equal. Must not fire when y is an output of the graph: its name is promised.
#pragma once

#include "etalon/onnx/model.hpp"

namespace etalon {

void drop_identities(ModelProto& model);

}  // namespace etalon
