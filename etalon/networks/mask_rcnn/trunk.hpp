// What Mask R-CNN computes of the whole picture: backbone, feature pyramid and the scores and deltas of the
// region proposals.
#pragma once

#include <string>
#include <vector>

#include "etalon/networks/mask_rcnn/facts.hpp"
#include "etalon/networks/mask_rcnn/layer_writer.hpp"
#include "etalon/networks/mask_rcnn/resnets.hpp"

namespace etalon {

struct Trunk {
  std::vector<FeatureMap> pyramid;  // P of each level, lowest first; as many channels in all
  // As the proposals want them: [N, A_l, 4, 1] and, after the sigmoid, [N, A_l, 1, 1].
  std::vector<std::string> deltas, scores;
};

// Errors (kBadInput): as CheckpointWeights; anchors a cell that are not the spec's.
Trunk write_trunk(LayerWriter& layers, const ResNet& net, const MaskRcnnFacts& facts,
                  const FeatureMap& input);

}  // namespace etalon
