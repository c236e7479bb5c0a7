// GenerateDetection in ONNX's own operators; stages.hpp says what goes in and out.
#pragma once

#include "etalon/networks/mask_rcnn/facts.hpp"
#include "etalon/onnx/graph_builder.hpp"

namespace etalon {

// One class for each RoI, the best but the background; equal ones as the plugin chooses. Scores lose the bits
// that they lose in the plugin. Error (kUnsupported): no class but the background.
void detect_portably(GraphBuilder& graph, const MaskRcnnFacts& facts, const std::string& out,
                     const std::string& deltas, const std::string& probabilities, const std::string& rois);

}  // namespace etalon
