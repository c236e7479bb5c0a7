// What proposals and detections have in common when they are written in ONNX's own operators: boxes moved by
// deltas, greedy suppression that leaves shapes alone, and the best rows.
//
// N images, K boxes of each. Boxes are y1, x1, y2, x2 in pixels, sides are difference + 1, as the plugins
// have it. Every function names what it makes `out`, and what it needs on the way `out`/...
#pragma once

#include <array>
#include <span>
#include <string>

#include "etalon/onnx/graph_builder.hpp"

namespace etalon {

// out [N,K,4]: boxes [N,K,4] moved by deltas [N,K,4] (dy, dx, dh, dw, divided by the weights; dh and dw at
// most ln(1000/16)) and clipped to [0, height - 1], [0, width - 1].
void decode_boxes(GraphBuilder& graph, const std::string& out, const std::string& boxes,
                  const std::string& deltas, const std::array<double, 4>& weights, HeightWidth image);

// out [N,K]: the score of each box that greedy suppression keeps, 0 for the others; from boxes [N,K,4], their
// scores [N,K] and the same scores by class [N,classes,K], which are 0 in all but one class of a box. Boxes
// whose corners have changed places neither remove others nor are removed.
void suppress_overlaps(GraphBuilder& graph, const std::string& out, const std::string& boxes,
                       const std::string& scores, const std::string& class_scores,
                       const SuppressionLimits& limits);

// out [N,count,width]: rows [N,K,width] of the best scores [N,K], best first, equal ones by index; the rows
// of scores that are 0, and those that are not there, are `padding`.
void best_rows(GraphBuilder& graph, const std::string& out, const std::string& rows,
               const std::string& scores, std::int64_t k, std::int64_t count, std::span<const float> padding);

}  // namespace etalon
