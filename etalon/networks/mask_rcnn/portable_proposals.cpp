#include "etalon/networks/mask_rcnn/portable_proposals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "etalon/networks/mask_rcnn/ordered_top_k.hpp"
#include "etalon/networks/mask_rcnn/portable_boxes.hpp"

namespace etalon {
namespace {

struct Level {
  std::int64_t stride, rows, columns, anchors;
};

Level level_of(const MaskRcnnFacts& facts, int index) {
  const std::int64_t stride = std::int64_t{1} << (facts.min_level + index);
  const std::int64_t rows = facts.height / stride, columns = facts.width / stride;
  return {stride, rows, columns, rows * columns * facts.anchors_per_cell()};
}

// out [A_l,4]. The file holds a row for each row, column and shape of anchors; their sums, which every
// runtime computes once when it loads the graph, would make it 20 bytes an anchor larger.
void make_anchors(GraphBuilder& graph, const std::string& out, const MaskRcnnFacts& facts,
                  const Level& level) {
  const auto at = [&](const std::string& name) { return out + "/" + name; };
  std::vector<float> rows, columns, shapes;
  for (std::int64_t i = 0; i < level.rows; ++i) {
    const auto centre = static_cast<float>(level.stride / 2 + i * level.stride);
    rows.insert(rows.end(), {centre, 0, centre, 0});
  }
  for (std::int64_t i = 0; i < level.columns; ++i) {
    const auto centre = static_cast<float>(level.stride / 2 + i * level.stride);
    columns.insert(columns.end(), {0, centre, 0, centre});
  }
  for (int octave = 0; octave < facts.scales_per_octave; ++octave)
    for (const auto& [width, height] : facts.aspect_ratios) {
      const auto base = static_cast<float>(facts.anchor_scale * static_cast<double>(level.stride) *
                                           std::exp2(double(octave) / facts.scales_per_octave));
      const float half_height = base * static_cast<float>(height) / 2;
      const float half_width = base * static_cast<float>(width) / 2;
      shapes.insert(shapes.end(), {-half_height, -half_width, half_height, half_width});
    }
  graph.floats(at("rows"), std::array<std::int64_t, 4>{level.rows, 1, 1, 4}, rows);
  graph.floats(at("columns"), std::array<std::int64_t, 4>{1, level.columns, 1, 4}, columns);
  graph.floats(at("shapes"), std::array<std::int64_t, 3>{1, facts.anchors_per_cell(), 4}, shapes);
  graph.add(at("centres"), at("rows"), at("columns"));
  graph.add(at("grid"), at("centres"), at("shapes"));
  graph.reshape(out, at("grid"), std::array<std::int64_t, 2>{level.anchors, 4});
}

// `name`/boxes [N,K,4] of a level's K candidates and `name`/kept_keys [N,K]: score + 1 of those that
// suppression leaves, else 0.
void propose_of_level(GraphBuilder& graph, const MaskRcnnFacts& facts, const std::string& name,
                      const Level& level, std::int64_t candidates, const std::string& deltas,
                      const std::string& scores) {
  const auto at = [&](const std::string& part) { return name + "/" + part; };
  graph.reshape(at("scores"), scores, std::array<std::int64_t, 2>{0, level.anchors});
  ordered_top_k(graph, at("best"), at("order"), at("scores"), level.anchors, candidates);
  graph.reshape(at("deltas"), deltas, std::array<std::int64_t, 3>{0, level.anchors, 4});
  graph.unsqueeze(at("places"), at("order"), 2);
  graph.gather_nd(at("best_deltas"), at("deltas"), at("places"), 1);
  make_anchors(graph, at("anchors"), facts, level);
  graph.gather(at("best_anchors"), at("anchors"), at("order"), 0);
  decode_boxes(graph, at("boxes"), at("best_anchors"), at("best_deltas"), {1, 1, 1, 1},
               {facts.height, facts.width});

  graph.scalar(at("one"), 1);
  graph.add(at("keys"), at("best"), at("one"));
  std::string keys = at("keys");
  if (facts.proposal_min_size > 0) {
    graph.slice(at("low"), at("boxes"), 2, 0, 2);
    graph.slice(at("high"), at("boxes"), 2, 2, 4);
    graph.binary("Sub", at("differences"), at("high"), at("low"));
    graph.reduce_min(at("shorter"), at("differences"), 2);
    graph.reshape(at("shorter_side"), at("shorter"), std::array<std::int64_t, 2>{0, candidates});
    graph.scalar(at("too_short"), static_cast<float>(std::max(facts.proposal_min_size, 1.0) - 1));
    graph.binary("Less", at("short"), at("shorter_side"), at("too_short"));
    graph.scalar(at("no_key"), 0);
    graph.where(at("long_enough_keys"), at("short"), at("no_key"), at("keys"));
    keys = at("long_enough_keys");
  }
  graph.unsqueeze(at("class_keys"), keys, 1);
  suppress_overlaps(
      graph, at("kept_keys"), at("boxes"), keys, at("class_keys"),
      {.most_per_class = facts.proposals, .iou = static_cast<float>(facts.proposal_iou), .score = 1});
}

}  // namespace

void propose_portably(GraphBuilder& graph, const MaskRcnnFacts& facts, const std::string& out,
                      std::span<const std::string> deltas, std::span<const std::string> scores) {
  std::vector<std::string> boxes, keys;
  std::int64_t count = 0;
  for (int i = 0; i < facts.levels(); ++i) {
    const Level level = level_of(facts, i);
    const auto candidates = std::min(kCandidatesPerLevel, level.anchors);
    const auto name = fmt::format("{}/level_{}", out, facts.min_level + i);
    const auto index = static_cast<std::size_t>(i);
    propose_of_level(graph, facts, name, level, candidates, deltas[index], scores[index]);
    boxes.push_back(name + "/boxes");
    keys.push_back(name + "/kept_keys");
    count += candidates;
  }
  graph.concat(out + "/boxes", boxes, 1);
  graph.concat(out + "/keys", keys, 1);
  best_rows(graph, out, out + "/boxes", out + "/keys", count, facts.proposals, std::array<float, 4>{});
}

}  // namespace etalon
