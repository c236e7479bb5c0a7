// `etalon mask_rcnn export`: a trained Mask R-CNN to ONNX or .etlt, with TensorRT's plugins or in standard
// operators, an INT8 calibration cache, DeepStream files.
#pragma once

#include "etalon/pipeline/export_network.hpp"

namespace etalon {

// As export_network. The specification is required; with Plugins::kTensorrt it may say nothing that the
// plugins cannot do.
ExportResult export_mask_rcnn(const ExportOptions& options, Log& log, Progress& progress, StatusLog& status);

}  // namespace etalon
