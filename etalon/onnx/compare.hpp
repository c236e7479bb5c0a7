// Whether two graphs are the same, however their constants are stored (typed fields or raw bytes): for the
// tests of passes, whose expectations are written in ONNX's text form.
#pragma once

#include <string>

#include "etalon/onnx/model.hpp"

namespace etalon {

// The first difference in words, or "" for equal graphs: inputs, outputs, nodes in order (operator, domain,
// inputs, outputs, attributes by name), initializers by name. Not compared: names of nodes and of the graph,
// value_info, docs. `compare_values`: the constants' numbers too, exactly.
std::string graph_difference(const GraphProto& a, const GraphProto& b, bool compare_values = true);

}  // namespace etalon
