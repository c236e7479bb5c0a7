// The k largest numbers with equal ones in the order of their indices, whatever the runtime's TopK does with
// them.
//
// ONNX promises that order of TopK, OpenVINO's (2026.4) does not keep it: of equal numbers it gives any, in
// any order. Scores that are equal come with saturated or quantized layers, and a network that is run twice,
// or in two runtimes, should find the same objects.
#pragma once

#include <string>

#include "etalon/onnx/graph_builder.hpp"

namespace etalon {

// values [N,k], falling, and their places `indices` [N,k] (int64) in x [N,length]. Where float32 cannot count
// what is needed (k > 4096 or a length above 5.5 million), the order is the runtime's.
void ordered_top_k(GraphBuilder& graph, const std::string& values, const std::string& indices,
                   const std::string& x, std::int64_t length, std::int64_t k);

}  // namespace etalon
