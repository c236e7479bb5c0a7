// DetectNet_v2 lays a grid over the picture. For every class and cell it gives a coverage (how surely the
// cell lies on an object of the class) and the distances from the cell to the four sides of that object's
// box:
//
//   right = offset + column * (input width / grid width) + scale * value        (left, top and bottom
//   likewise)
//
// An object covers many cells, and each of them proposes nearly the same box. Greedy non-maximum suppression
// goes through the proposals from the surest one down, keeps one, and strikes out those that overlap it too
// much. DBSCAN makes clusters of proposals that overlap much, and a box of each cluster's mean.
//
// Source of the code of the boxes: NVIDIA/tao_tensorflow1_backend,
// cv/detectnet_v2/objectives/bbox_objective.py. TAO's own NMS gives boxes each other's confidences (it sorts
// the scores in place), so its numbers are not copied: the confidence is the coverage of the box's own cell,
// and overlap is the plain intersection over union. Three more differences to TAO's inference
// (postprocessor/utilities.py), in which we do as its evaluation does or better: boxes are clipped to the
// picture before they are clustered, not after; the grid's steps come from its size, not from a stride in the
// specification; the least height counts for NMS too.
#include "etalon/detections/detectnet_v2.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "etalon/base/error.hpp"
#include "etalon/detections/clustering.hpp"

namespace etalon {
namespace {

// One class's planes, and the grid that they are laid out on.
struct Planes {
  std::span<const float> coverage, left, top, right, bottom;
  int width, height;
};

std::vector<Detection> propose(const Planes& planes, std::size_t class_index,
                               const DetectnetV2Decoding& how) {
  const double step_x = static_cast<double>(how.input_width) / planes.width;
  const double step_y = static_cast<double>(how.input_height) / planes.height;
  // Compared as float32, like the network's own numbers: a coverage of 0.05F is not larger than a threshold
  // of 0.05.
  const auto threshold = static_cast<float>(how.classes[class_index].coverage_threshold);
  std::vector<Detection> proposals;
  for (int row = 0; row < planes.height; ++row)
    for (int column = 0; column < planes.width; ++column) {
      const std::size_t cell = static_cast<std::size_t>(row) * static_cast<std::size_t>(planes.width) +
                               static_cast<std::size_t>(column);
      if (!(planes.coverage[cell] > threshold)) continue;
      const double x = how.box_offset + column * step_x, y = how.box_offset + row * step_y;
      const double width = how.input_width, height = how.input_height;
      Detection& box = proposals.emplace_back();
      box.class_index = class_index;
      box.confidence = planes.coverage[cell];
      box.left = std::clamp(x - how.box_scale * planes.left[cell], 0.0, width);
      box.top = std::clamp(y - how.box_scale * planes.top[cell], 0.0, height);
      box.right = std::clamp(x + how.box_scale * planes.right[cell], box.left, width);
      box.bottom = std::clamp(y + how.box_scale * planes.bottom[cell], box.top, height);
    }
  return proposals;
}

// --- from proposals to boxes. Thresholds are compared as float32 for the same reason.

using Limits = DetectnetV2Decoding::PerClass;

std::vector<Detection> by_nms(std::vector<Detection> proposals, const Limits& limits) {
  std::vector<Detection> boxes = suppress_overlapping(std::move(proposals), limits.nms_iou_threshold);
  const auto least_confidence = static_cast<float>(limits.nms_confidence_threshold);
  std::erase_if(boxes, [&](const Detection& box) {
    return !(box.confidence > least_confidence && box.bottom - box.top > limits.minimum_height);
  });
  return boxes;
}

Detection mean_of(std::span<const Detection> members, DetectnetV2Decoding::Confidence confidence) {
  double sum = 0, least = members.front().confidence, largest = least;
  for (const auto& member : members) {
    sum += member.confidence;
    least = std::min(least, member.confidence);
    largest = std::max(largest, member.confidence);
  }
  Detection box{.class_index = members.front().class_index};
  for (const auto& member : members) {
    const double weight = member.confidence / sum;
    box.left += weight * member.left;
    box.top += weight * member.top;
    box.right += weight * member.right;
    box.bottom += weight * member.bottom;
  }
  if (confidence == DetectnetV2Decoding::Confidence::kSum)
    box.confidence = sum;
  else  // 0 / 0 for equal members: no number, larger than no threshold
    box.confidence = (sum / static_cast<double>(members.size()) - least) / (largest - least);
  return box;
}

struct Cluster {
  Detection box;
  std::vector<Detection> members;
};

std::vector<Cluster> clusters_kept(const std::vector<Detection>& proposals, const Limits& limits) {
  const double min_weight = std::max(1.0, std::floor(limits.dbscan_min_samples));
  const auto least_confidence = static_cast<float>(limits.dbscan_confidence_threshold);
  std::vector<Cluster> clusters;
  for (const auto& indices : dbscan(proposals, limits.dbscan_eps, min_weight)) {
    Cluster cluster;
    for (const std::size_t i : indices) cluster.members.push_back(proposals[i]);
    cluster.box = mean_of(cluster.members, limits.confidence);
    if (cluster.box.confidence > least_confidence &&
        cluster.box.bottom - cluster.box.top > limits.minimum_height)
      clusters.push_back(std::move(cluster));
  }
  return clusters;
}

std::vector<Detection> cluster(std::vector<Detection> proposals, const Limits& limits) {
  using Algorithm = DetectnetV2Decoding::Algorithm;
  if (limits.algorithm == Algorithm::kNms) return by_nms(std::move(proposals), limits);
  std::vector<Detection> boxes;
  for (auto& [box, members] : clusters_kept(proposals, limits)) {
    if (limits.algorithm == Algorithm::kDbscan)
      boxes.push_back(box);
    else
      boxes.insert(boxes.end(), members.begin(), members.end());
  }
  if (limits.algorithm == Algorithm::kHybrid) return by_nms(std::move(boxes), limits);
  std::stable_sort(boxes.begin(), boxes.end(),
                   [](const Detection& a, const Detection& b) { return a.confidence > b.confidence; });
  return boxes;
}

void check_sizes(std::size_t coverage, std::size_t boxes, int grid_width, int grid_height,
                 const DetectnetV2Decoding& how) {
  if (grid_width <= 0 || grid_height <= 0 || how.input_width <= 0 || how.input_height <= 0)
    throw Error(Kind::kBadInput, fmt::format("a grid of {}x{} on an input of {}x{}, expected positive sizes",
                                             grid_width, grid_height, how.input_width, how.input_height));
  const std::size_t cells = static_cast<std::size_t>(grid_width) * static_cast<std::size_t>(grid_height);
  const std::size_t classes = how.classes.size();
  if (classes == 0 || coverage % classes != 0 || coverage / classes != cells)
    throw Error(Kind::kBadInput, fmt::format("coverage has {} numbers, expected {} classes x {} x {}",
                                             coverage, classes, grid_height, grid_width));
  if (boxes % 4 != 0 || boxes / 4 != coverage)
    throw Error(Kind::kBadInput, fmt::format("boxes has {} numbers, expected {} x {} x {} (4 a class)", boxes,
                                             4 * classes, grid_height, grid_width));
}

void check_finite(std::span<const float> values, std::string_view name, int grid_width, int grid_height) {
  const auto bad =
      std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  if (bad == values.end()) return;
  const auto index = static_cast<std::uint64_t>(bad - values.begin());
  const auto width = static_cast<std::uint64_t>(grid_width), height = static_cast<std::uint64_t>(grid_height);
  throw Error(Kind::kBadInput,
              fmt::format("{} holds {} (channel {}, row {}, column {}), expected finite numbers", name, *bad,
                          index / (width * height), index / width % height, index % width));
}

}  // namespace

std::vector<Detection> decode_detectnet_v2(std::span<const float> coverage, std::span<const float> boxes,
                                           int grid_width, int grid_height, const DetectnetV2Decoding& how) {
  check_sizes(coverage.size(), boxes.size(), grid_width, grid_height, how);
  check_finite(coverage, "coverage", grid_width, grid_height);
  check_finite(boxes, "boxes", grid_width, grid_height);
  const std::size_t cells = coverage.size() / how.classes.size();
  std::vector<Detection> found;
  for (std::size_t c = 0; c < how.classes.size(); ++c) {
    const auto side = [&](std::size_t k) { return boxes.subspan((4 * c + k) * cells, cells); };
    const Planes planes{
        coverage.subspan(c * cells, cells), side(0), side(1), side(2), side(3), grid_width, grid_height};
    const auto boxes_of_class = cluster(propose(planes, c, how), how.classes[c]);
    found.insert(found.end(), boxes_of_class.begin(), boxes_of_class.end());
  }
  return found;
}

}  // namespace etalon
