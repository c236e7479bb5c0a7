// From DetectNet_v2's two outputs to boxes.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "etalon/detections/detection.hpp"

namespace etalon {

// How one class's boxes are found.
// Corner = cell +- scale * value with cell = offset + index * (input size / grid size).
struct DetectnetV2Decoding {
  double box_scale = 35.0, box_offset = 0.5;
  int input_width = 0, input_height = 0;

  enum class Algorithm {
    kNms,     // greedy non-maximum suppression; a box's confidence is its cell's coverage
    kDbscan,  // clusters; a box is its members' mean, weighted by their coverage
    kHybrid,  // the boxes of the clusters that DBSCAN keeps, through NMS
  };
  // Of a cluster. kSum: the sum of its coverages, which may exceed 1 (TAO's aggregate_cov).
  // kMean: (mean - least) / (largest - least) (TAO's mean_cov; a cluster of equal coverages has none and
  // goes).
  enum class Confidence { kSum, kMean };
  struct PerClass {
    double coverage_threshold = 0.2;        // a cell counts when its coverage is larger
    double nms_iou_threshold = 0.5;         // a box goes when it overlaps a better one by more
    double nms_confidence_threshold = 0.0;  // a box is kept when its confidence is larger
    double minimum_height = 0.0;            // input pixels; a box is kept when it is higher
    Algorithm algorithm = Algorithm::kNms;
    double dbscan_eps = 0.0;                   // distance is 1 - IoU
    double dbscan_min_samples = 0.0;           // cut off to whole ones, at least 1; against summed coverages
    double dbscan_confidence_threshold = 0.0;  // a cluster is kept when its confidence is larger
    Confidence confidence = Confidence::kSum;
  };
  std::vector<PerClass> classes;
};

// `coverage` is classes x grid_height x grid_width, `boxes` 4*classes x grid_height x grid_width (class*4 +
// left, top, right, bottom). What comes out is in input pixels; order: class, then descending confidence,
// equal ones in row-major cell order (of clusters: of their first members). Errors (kBadInput): the sizes do
// not fit each other, a number is NaN or infinite.
std::vector<Detection> decode_detectnet_v2(std::span<const float> coverage, std::span<const float> boxes,
                                           int grid_width, int grid_height, const DetectnetV2Decoding& how);

}  // namespace etalon
