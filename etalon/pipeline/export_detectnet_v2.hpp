// `etalon detectnet_v2 export`: a trained DetectNet_v2 to ONNX or .etlt, an INT8 calibration cache,
// DeepStream files.
#pragma once

#include "etalon/pipeline/export_network.hpp"

namespace etalon {

// As export_network.
ExportResult export_detectnet_v2(const ExportOptions& options, Log& log, Progress& progress,
                                 StatusLog& status);

}  // namespace etalon
