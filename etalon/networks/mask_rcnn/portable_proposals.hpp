// MultilevelProposeROI in ONNX's own operators; stages.hpp says what goes in and out.
#pragma once

#include "etalon/networks/mask_rcnn/facts.hpp"
#include "etalon/onnx/graph_builder.hpp"

namespace etalon {

// The best of each level that take part in its suppression (the plugin's prenms_topk, which the exporter
// fixes).
inline constexpr std::int64_t kCandidatesPerLevel = 4096;

// Scores must lie in [0, 1]. Candidates are ordered by score, suppressed by score + 1 in float32, as the
// plugin rounds it: what scores 2^-24 or less is not there. With facts.proposal_min_size > 0, boxes one of
// whose sides is below max(that, 1) after clipping are not there either.
void propose_portably(GraphBuilder& graph, const MaskRcnnFacts& facts, const std::string& out,
                      std::span<const std::string> deltas, std::span<const std::string> scores);

}  // namespace etalon
