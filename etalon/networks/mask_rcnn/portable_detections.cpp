#include "etalon/networks/mask_rcnn/portable_detections.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/networks/mask_rcnn/portable_boxes.hpp"

namespace etalon {
namespace {

constexpr float kLeastScore = 0.01F;  // of the plugin: what does not score more is padding
constexpr std::int64_t kClassesOfABlock = 32;
constexpr float kClassStep = 2.5F;  // between the keys of two classes

// Which of several equally probable classes wins, 1 and up: a later one of the same 32, else the earlier 32.
std::vector<float> precedence(std::int64_t classes) {
  std::vector<float> ranks;
  for (std::int64_t i = 0; i < classes; ++i) {
    const std::int64_t block = i / kClassesOfABlock, later_blocks = (classes - 1) / kClassesOfABlock - block;
    ranks.push_back(static_cast<float>(later_blocks * kClassesOfABlock + i % kClassesOfABlock + 1));
  }
  return ranks;
}

// out [N,R]: the scores [N,R] after they went through the plugin's sorting key, (C - 1 - class) * 2.5 + score
// + 1 in float32. The base is (C - 1 - class) * 2.5, a table by `classes` [N,R], counted from the first that
// is not the background.
void round_scores(GraphBuilder& graph, const std::string& out, const std::string& scores,
                  const std::string& classes, std::int64_t class_count) {
  const auto at = [&](const std::string& name) { return out + "/" + name; };
  std::vector<float> bases, bases_and_one;
  for (std::int64_t i = class_count - 1; i >= 0; --i) {
    bases.push_back(static_cast<float>(i) * kClassStep);
    bases_and_one.push_back(static_cast<float>(i) * kClassStep + 1);
  }
  graph.floats(at("bases"), std::array{class_count}, bases);
  graph.floats(at("bases_and_one"), std::array{class_count}, bases_and_one);
  graph.scalar(at("one"), 1);
  graph.gather(at("base"), at("bases"), classes, 0);
  graph.gather(at("base_and_one"), at("bases_and_one"), classes, 0);
  graph.add(at("score_and_base"), scores, at("base"));
  graph.add(at("key"), at("score_and_base"), at("one"));
  graph.binary("Sub", out, at("key"), at("base_and_one"));
}

}  // namespace

void detect_portably(GraphBuilder& graph, const MaskRcnnFacts& facts, const std::string& out,
                     const std::string& deltas, const std::string& probabilities, const std::string& rois) {
  using Dims2 = std::array<std::int64_t, 2>;
  using Dims3 = std::array<std::int64_t, 3>;
  const auto at = [&](const std::string& name) { return out + "/" + name; };
  const std::int64_t r = facts.proposals, c = facts.class_count, foreground = c - 1;
  if (foreground < 1)
    throw Error(Kind::kUnsupported, "a network without a class besides the background detects nothing",
                "num_classes counts the background");

  // The best class: the one of highest precedence among those that reach the highest score.
  graph.reshape(at("probabilities"), probabilities, Dims3{0, r, c});
  graph.slice(at("foreground"), at("probabilities"), 2, 1, c);
  graph.reduce_max(at("highest"), at("foreground"), 2);
  graph.binary("Equal", at("reaches_it"), at("foreground"), at("highest"));
  graph.floats(at("precedence"), std::array{foreground}, precedence(foreground));
  graph.scalar(at("none"), 0);
  graph.where(at("candidates"), at("reaches_it"), at("precedence"), at("none"));
  graph.arg_max(at("best_class"), at("candidates"), 2);
  graph.reshape(at("score"), at("highest"), Dims2{0, r});
  round_scores(graph, at("rounded_score"), at("score"), at("best_class"), foreground);

  // Its deltas, and the box that they make.
  graph.reshape(at("class_deltas"), deltas, std::array<std::int64_t, 4>{0, r, c, 4});
  std::vector<float> numbers(static_cast<std::size_t>(foreground));
  std::iota(numbers.begin(), numbers.end(), 1.0F);
  graph.unsqueeze(at("class_place"), at("best_class"), 2);
  graph.slice(at("foreground_deltas"), at("class_deltas"), 2, 1, c);
  graph.gather_nd(at("deltas"), at("foreground_deltas"), at("class_place"), 2);
  decode_boxes(graph, at("boxes"), rois, at("deltas"), facts.box_weights, {facts.height, facts.width});

  // Suppression, each class for itself. What does not score enough comes last in its class: it may be left
  // out, since it could only remove what does not score enough either.
  graph.floats(at("numbers"), std::array{foreground}, numbers);
  graph.gather(at("label"), at("numbers"), at("best_class"), 0);
  graph.unsqueeze(at("labels"), at("label"), 1);
  graph.unsqueeze(at("rounded_scores"), at("rounded_score"), 1);
  graph.floats(at("class_numbers"), Dims3{1, foreground, 1}, numbers);
  graph.binary("Equal", at("is_class"), at("labels"), at("class_numbers"));
  graph.where(at("class_scores"), at("is_class"), at("rounded_scores"), at("none"));
  suppress_overlaps(graph, at("kept_scores"), at("boxes"), at("rounded_score"), at("class_scores"),
                    {.most_per_class = std::min(facts.detections, r),
                     .iou = static_cast<float>(facts.detection_iou),
                     .score = kLeastScore});

  graph.unsqueeze(at("label_column"), at("label"), 2);
  graph.unsqueeze(at("score_column"), at("rounded_score"), 2);
  graph.concat(at("rows"), std::vector{at("boxes"), at("label_column"), at("score_column")}, 2);
  best_rows(graph, out, at("rows"), at("kept_scores"), r, facts.detections,
            std::array<float, 6>{0, 0, 0, 0, -1, 0});
}

}  // namespace etalon
