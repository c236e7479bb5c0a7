// Inside detections/: many proposals of one class for the same object become one box.
//
//   suppress_overlapping(proposals, 0.5)                -> those that no better one overlaps
//   for (const auto& members : dbscan(proposals, 0.3, 1.0)) mean_of(proposals, members)
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "etalon/detections/detection.hpp"

namespace etalon {

// Intersection over union; `union_epsilon` square pixels are added to the union.
double overlap(const Detection& a, const Detection& b, double union_epsilon);

// Greedy non-maximum suppression: from the surest proposal down, one is kept unless a kept one overlaps it by
// more than `iou_threshold`. Equal confidences in the order given. Cost: proposals x boxes kept.
std::vector<Detection> suppress_overlapping(std::vector<Detection> proposals, double iou_threshold);

// Twice the cells of a 1920 x 1088 input at stride 16.
inline constexpr std::size_t kMostToCluster = 1 << 14;

// DBSCAN with the distance 1 - IoU, each proposal weighing its confidence. A proposal is a core when the
// proposals not farther than `eps` from it, itself among them, weigh at least `min_weight`; a cluster is the
// cores that reach each other and what they reach. Returns the clusters' members (indices, ascending), in the
// order of their first core; a proposal between two clusters belongs to the first. Cost: proposals squared;
// hence the Error (kBadInput) for more of them than kMostToCluster.
std::vector<std::vector<std::size_t>> dbscan(std::span<const Detection> proposals, double eps,
                                             double min_weight);

}  // namespace etalon
