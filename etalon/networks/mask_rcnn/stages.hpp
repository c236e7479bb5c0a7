// The three stages of Mask R-CNN that are no layers, behind one interface: TensorRT's plugins, or ONNX's own
// operators. The rest of the network is the same for both, tensor for tensor and name for name, so that
// ranges found on one graph are right for the other.
//
// N images, R = facts.proposals, D = facts.detections, C classes, A_l anchors of level l (row, column,
// octave, ratio; the last fastest), boxes y1, x1, y2, x2 in pixels of the network's input. Shapes are those
// that the plugins demand.
#pragma once

#include <span>
#include <string>

#include "etalon/networks/mask_rcnn/facts.hpp"
#include "etalon/onnx/graph_builder.hpp"

namespace etalon {

struct CropShape {
  std::int64_t rois = 0;      // an image
  std::int64_t channels = 0;  // of the maps
  std::int64_t size = 0;      // P
};

struct MaskRcnnStages {
  // out [N,R,4] from deltas [N,A_l,4,1] and scores [N,A_l,1,1] (after the sigmoid) of each level, lowest
  // first.
  void (*propose)(GraphBuilder&, const MaskRcnnFacts&, const std::string& out,
                  std::span<const std::string> deltas, std::span<const std::string> scores);
  // out [N,rois,channels,P,P] from rois [N,rois,4] and the maps [N,channels,H/2^l,W/2^l] of each level.
  void (*crop)(GraphBuilder&, const MaskRcnnFacts&, const std::string& out, const std::string& rois,
               std::span<const std::string> maps, const CropShape&);
  // out [N,D,6]: y1, x1, y2, x2, class, score, best first, padded with 0,0,0,0,-1,0; from deltas [N,R,4C,1,1]
  // (class-major), probabilities [N,R,C,1,1] and rois [N,R,4].
  void (*detect)(GraphBuilder&, const MaskRcnnFacts&, const std::string& out, const std::string& deltas,
                 const std::string& probabilities, const std::string& rois);
};

// MultilevelProposeROI_TRT, MultilevelCropAndResize_TRT, GenerateDetection_TRT.
extern const MaskRcnnStages kPluginStages;
// The plugins' semantics in operators of opset kOpset; equal scores in the order of their indices.
extern const MaskRcnnStages kPortableStages;

}  // namespace etalon
