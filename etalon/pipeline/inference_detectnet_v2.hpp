// `etalon detectnet_v2 inference`: what a DetectNet_v2 finds in photos.
#pragma once

#include "etalon/base/log.hpp"
#include "etalon/pipeline/detector_run.hpp"
#include "etalon/pipeline/inference.hpp"

namespace etalon {

// `model`: ONNX, or a trained .hdf5 or .tlt; empty: the inference specification's. `spec`: of the inference
// task or of the experiment; without one the ONNX says what it knows. Errors: as the stages throw them, with
// the file named; kUnsupported: a file that a GPU's engine or .etlt is; of run_detector.
DetectorResult infer_detectnet_v2(const InferenceOptions& options, Log& log, Progress& progress);

}  // namespace etalon
