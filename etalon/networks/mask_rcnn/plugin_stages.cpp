// The three stages as plugins of TensorRT. Attributes and shapes: docs/networks/mask_rcnn.md, "Plugins"; from
// the sources of TensorRT OSS 11.1.
#include <vector>

#include "etalon/networks/mask_rcnn/stages.hpp"

namespace etalon {
namespace {

// Candidates of a level that go into the suppression: what TAO's exporter always writes, and the plugin's
// most.
constexpr std::int64_t kCandidates = 4096;
// 0.0 is written as FLOAT: the plugins check their attributes' types.
constexpr float kNoThreshold = 0.0F;

std::vector<std::int64_t> image_size(const MaskRcnnFacts& facts) { return {3, facts.height, facts.width}; }

void propose(GraphBuilder& graph, const MaskRcnnFacts& facts, const std::string& out,
             std::span<const std::string> deltas, std::span<const std::string> scores) {
  std::vector<std::string> inputs;
  for (std::size_t i = 0; i < deltas.size(); ++i) inputs.insert(inputs.end(), {deltas[i], scores[i]});
  const std::vector<NodeAttribute> attributes{{"prenms_topk", kCandidates},
                                              {"keep_topk", facts.proposals},
                                              {"fg_threshold", kNoThreshold},
                                              {"iou_threshold", static_cast<float>(facts.proposal_iou)},
                                              {"image_size", image_size(facts)}};
  graph.plugin("MultilevelProposeROI_TRT", out, inputs, attributes);
}

void crop(GraphBuilder& graph, const MaskRcnnFacts& facts, const std::string& out, const std::string& rois,
          std::span<const std::string> maps, const CropShape& shape) {
  std::vector<std::string> inputs{rois};
  inputs.insert(inputs.end(), maps.begin(), maps.end());
  const std::vector<NodeAttribute> attributes{{"pooled_size", shape.size}, {"image_size", image_size(facts)}};
  graph.plugin("MultilevelCropAndResize_TRT", out, inputs, attributes);
}

void detect(GraphBuilder& graph, const MaskRcnnFacts& facts, const std::string& out,
            const std::string& deltas, const std::string& probabilities, const std::string& rois) {
  const std::vector<NodeAttribute> attributes{{"num_classes", facts.class_count},
                                              {"keep_topk", facts.detections},
                                              {"score_threshold", kNoThreshold},
                                              {"iou_threshold", static_cast<float>(facts.detection_iou)},
                                              {"image_size", image_size(facts)}};
  graph.plugin("GenerateDetection_TRT", out, std::vector{deltas, probabilities, rois}, attributes);
}

}  // namespace

const MaskRcnnStages kPluginStages{.propose = propose, .crop = crop, .detect = detect};

}  // namespace etalon
