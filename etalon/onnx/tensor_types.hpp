// What type the numbers of each tensor have.
#pragma once

#include <string>
#include <unordered_map>

#include "etalon/onnx/model.hpp"

namespace etalon {

// TensorProto::DataType by tensor of the outermost graph, by what the operators say of their outputs.
// Declared types count for inputs, for plugins and for operators of other domains (FLOAT where nothing is
// declared). UNDEFINED: it cannot be told (subgraphs, sequences). Unlike shape inference this is safe with
// any graph.
std::unordered_map<std::string, int> tensor_types(const GraphProto& graph);

}  // namespace etalon
