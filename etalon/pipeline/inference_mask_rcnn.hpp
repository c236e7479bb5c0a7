// `etalon mask_rcnn inference`: what a Mask R-CNN finds in photos, with the pixels of every object.
#pragma once

#include "etalon/base/log.hpp"
#include "etalon/pipeline/detector_run.hpp"
#include "etalon/pipeline/inference.hpp"

namespace etalon {

inline constexpr double kMaskRcnnThreshold = 0.6;  // least score shown, of TAO's inference script

// `model`: ONNX or .etlt without plugins, or a trained checkpoint, which needs `spec`, that of the
// experiment. `class_map`: from class 0 on if the first is BG, else from class 1 on, as TAO counts them;
// without one the annotation file of the specification, else what the ONNX says. `threshold`: 0.6 (TAO's)
// unless given. Errors: as the stages throw them, with the file named; kUnsupported: a model with TensorRT's
// plugins, an engine; kWrongUsage: a trained model without its specification; kBadInput: a specification or
// class map that does not fit the ONNX; of run_detector.
DetectorResult infer_mask_rcnn(const InferenceOptions& options, Log& log, Progress& progress);

}  // namespace etalon
