// MultilevelCropAndResize in ONNX's own operators; stages.hpp says what goes in and out.
#pragma once

#include "etalon/networks/mask_rcnn/stages.hpp"

namespace etalon {

// One bilinear sample at the middle of each of P x P bins, on the level that the RoI's area chooses. RoIs
// that are empty, outside the image or not numbers give zeros (the plugin writes nothing for them). Two crops
// of the same maps share what is made of the maps. Error (kUnsupported): maps of more than 2^24 cells.
void crop_portably(GraphBuilder& graph, const MaskRcnnFacts& facts, const std::string& out,
                   const std::string& rois, std::span<const std::string> maps, const CropShape& shape);

}  // namespace etalon
