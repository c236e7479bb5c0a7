// Mask R-CNN's data loader as a source of calibration images.
#pragma once

#include "etalon/networks/mask_rcnn/facts.hpp"
#include "etalon/pipeline/calibration.hpp"
#include "etalon/spec/mask_rcnn_spec.hpp"

namespace etalon {

// The SpecLoader of a specification, both of which must outlive it: its training records, or with
// --use_validation_set its validation records, prepared as in training.
// Relative patterns are relative to the working directory, as in TAO. Errors: as open_record_images.
SpecLoader mask_rcnn_loader(const MaskRcnnSpec& spec, const MaskRcnnFacts& facts);

}  // namespace etalon
