// DetectNet_v2 lays a grid over the picture. For every class and cell it gives a coverage (how surely the
// cell lies on an object of the class) and the distances from the cell to the four sides of that object's
// box:
//
//   right = offset + column * (input width / grid width) + scale * value        (left, top and bottom
//   likewise)
//
// An object covers many cells, and each of them proposes nearly the same box. Greedy non-maximum suppression
// goes through the proposals from the surest one down, keeps one, and strikes out those that overlap it too
// much. The cost is (cells above the threshold) x (boxes kept).
//
// Source of the code of the boxes: NVIDIA/tao_tensorflow1_backend,
// cv/detectnet_v2/objectives/bbox_objective.py. TAO's own NMS gives boxes each other's confidences (it sorts
// the scores in place), so its numbers are not copied: the confidence is the coverage of the box's own cell,
// and overlap is the plain intersection over union.
#include "etalon/detections/detectnet_v2.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

// Keeps the quotient of two empty boxes defined; TAO's evaluation has the same number.
constexpr double kUnionEpsilon = 1e-5;

double overlap(const Detection& a, const Detection& b) {
  const double width = std::max(0.0, std::min(a.right, b.right) - std::max(a.left, b.left));
  const double height = std::max(0.0, std::min(a.bottom, b.bottom) - std::max(a.top, b.top));
  const double common = width * height;
  const auto area = [](const Detection& box) { return (box.right - box.left) * (box.bottom - box.top); };
  return common / (area(a) + area(b) - common + kUnionEpsilon);
}

std::vector<Detection> suppress(std::vector<Detection> proposals, double iou_threshold) {
  std::stable_sort(proposals.begin(), proposals.end(),
                   [](const Detection& a, const Detection& b) { return a.confidence > b.confidence; });
  std::vector<Detection> kept;
  for (const auto& proposal : proposals) {
    const auto strikes = [&](const Detection& better) { return overlap(better, proposal) > iou_threshold; };
    if (std::none_of(kept.begin(), kept.end(), strikes)) kept.push_back(proposal);
  }
  return kept;
}

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
    const auto& limits = how.classes[c];
    const auto least_confidence = static_cast<float>(limits.nms_confidence_threshold);
    for (const auto& box : suppress(propose(planes, c, how), limits.nms_iou_threshold))
      if (box.confidence > least_confidence && box.bottom - box.top > limits.minimum_height)
        found.push_back(box);
  }
  return found;
}

}  // namespace etalon
