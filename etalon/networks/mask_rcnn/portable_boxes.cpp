#include "etalon/networks/mask_rcnn/portable_boxes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "etalon/networks/mask_rcnn/ordered_top_k.hpp"

namespace etalon {
namespace {

constexpr std::int64_t kLast = 2;  // the axis of coordinates in [N,K,4]

// ONNX removes boxes that overlap by MORE than the threshold, as the plugins do; OpenVINO (2026.4) also those
// that overlap by just as much. So 0 would mean every box to it; the smallest number means every overlap to
// all.
float threshold_for_all(float iou) { return std::clamp(iou, std::numeric_limits<float>::min(), 1.0F); }

}  // namespace

void decode_boxes(GraphBuilder& graph, const std::string& out, const std::string& boxes,
                  const std::string& deltas, const std::array<double, 4>& weights, HeightWidth image) {
  const auto at = [&](const std::string& name) { return out + "/" + name; };
  const auto single = [](double value) { return static_cast<float>(value); };
  const std::array<std::int64_t, 1> pair{2};
  graph.scalar(at("one"), 1);
  graph.scalar(at("half"), 0.5F);
  graph.scalar(at("zero"), 0);
  graph.scalar(at("largest_growth"), single(std::log(1000.0 / 16)));
  graph.floats(at("limit"), pair, std::array{single(double(image[0]) - 1), single(double(image[1]) - 1)});

  // Rows and columns go together, [N,K,2].
  graph.slice(at("low"), boxes, kLast, 0, 2);
  graph.slice(at("high"), boxes, kLast, 2, 4);
  graph.slice(at("shift"), deltas, kLast, 0, 2);
  graph.slice(at("growth"), deltas, kLast, 2, 4);
  std::string shift = at("shift"), growth = at("growth");
  if (weights != std::array<double, 4>{1, 1, 1, 1}) {
    graph.floats(at("shift_weights"), pair, std::array{single(weights[0]), single(weights[1])});
    graph.floats(at("growth_weights"), pair, std::array{single(weights[2]), single(weights[3])});
    graph.binary("Div", at("weighted_shift"), shift, at("shift_weights"));
    graph.binary("Div", at("weighted_growth"), growth, at("growth_weights"));
    shift = at("weighted_shift");
    growth = at("weighted_growth");
  }
  graph.binary("Sub", at("difference"), at("high"), at("low"));
  graph.add(at("side"), at("difference"), at("one"));
  graph.mul(at("half_side"), at("side"), at("half"));
  graph.add(at("centre"), at("low"), at("half_side"));
  graph.mul(at("move"), shift, at("side"));
  graph.add(at("moved_centre"), at("centre"), at("move"));
  graph.binary("Min", at("capped_growth"), growth, at("largest_growth"));
  graph.unary("Exp", at("factor"), at("capped_growth"));
  graph.mul(at("new_side"), at("factor"), at("side"));
  graph.mul(at("half_new_side"), at("new_side"), at("half"));
  graph.binary("Sub", at("new_low"), at("moved_centre"), at("half_new_side"));
  graph.add(at("end"), at("new_low"), at("new_side"));
  graph.binary("Sub", at("new_high"), at("end"), at("one"));
  for (const std::string corner : {"low", "high"}) {
    graph.binary("Min", at("bounded_" + corner), at("new_" + corner), at("limit"));
    graph.binary("Max", at("clipped_" + corner), at("bounded_" + corner), at("zero"));
  }
  graph.concat(out, std::vector{at("clipped_low"), at("clipped_high")}, kLast);
}

void suppress_overlaps(GraphBuilder& graph, const std::string& out, const std::string& boxes,
                       const std::string& scores, const std::string& class_scores,
                       const SuppressionLimits& limits) {
  const auto at = [&](const std::string& name) { return out + "/" + name; };
  // NonMaxSuppression would turn a box of negative side round and give it an area; empty ones have none.
  graph.slice(at("low"), boxes, kLast, 0, 2);
  graph.slice(at("high"), boxes, kLast, 2, 4);
  graph.binary("Max", at("high_not_below_low"), at("high"), at("low"));
  graph.concat(at("boxes"), std::vector{at("low"), at("high_not_below_low")}, kLast);
  graph.non_max_suppression(at("kept"), at("boxes"), class_scores,
                            {limits.most_per_class, threshold_for_all(limits.iou), limits.score});
  // How many are kept is known only when the graph runs; written back to their places, they keep its shapes.
  graph.ints(at("image_and_box"), std::array<std::int64_t, 2>{0, 2});
  graph.gather(at("places"), at("kept"), at("image_and_box"), 1);
  graph.gather_nd(at("kept_scores"), scores, at("places"));
  graph.zeros_like(at("nothing"), scores);
  graph.scatter_nd(out, at("nothing"), at("places"), at("kept_scores"));
}

void best_rows(GraphBuilder& graph, const std::string& out, const std::string& rows,
               const std::string& scores, std::int64_t k, std::int64_t count,
               std::span<const float> padding) {
  const auto at = [&](const std::string& name) { return out + "/best/" + name; };
  std::string all_rows = rows, all_scores = scores;
  if (k < count) {
    all_rows = at("padded_rows");
    all_scores = at("padded_scores");
    graph.pad_after(all_rows, rows, 3, 1, count - k);
    graph.pad_after(all_scores, scores, 2, 1, count - k);
  }
  ordered_top_k(graph, at("values"), at("order"), all_scores, std::max(k, count), count);
  graph.unsqueeze(at("places"), at("order"), 2);
  graph.gather_nd(at("rows"), all_rows, at("places"), 1);
  graph.unsqueeze(at("scores"), at("values"), 2);
  graph.scalar(at("no_score"), 0);
  graph.binary("Greater", at("there"), at("scores"), at("no_score"));
  graph.floats(at("padding"), std::array{static_cast<std::int64_t>(padding.size())}, padding);
  graph.where(out, at("there"), at("rows"), at("padding"));
}

}  // namespace etalon
