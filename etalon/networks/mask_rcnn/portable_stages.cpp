#include "etalon/networks/mask_rcnn/portable_crop.hpp"
#include "etalon/networks/mask_rcnn/portable_detections.hpp"
#include "etalon/networks/mask_rcnn/portable_proposals.hpp"
#include "etalon/networks/mask_rcnn/stages.hpp"

namespace etalon {

const MaskRcnnStages kPortableStages{
    .propose = propose_portably, .crop = crop_portably, .detect = detect_portably};

}  // namespace etalon
