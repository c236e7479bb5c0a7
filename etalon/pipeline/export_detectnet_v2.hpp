// `etalon detectnet_v2 export`: a trained DetectNet_v2 to ONNX or .etlt, an INT8 calibration cache,
// DeepStream files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "etalon/base/file.hpp"
#include "etalon/base/log.hpp"
#include "etalon/pipeline/export_options.hpp"
#include "etalon/pipeline/status_log.hpp"

namespace etalon {

struct ExportResult {
  std::vector<OutputFiles::Written> written;  // in the order they were made
  std::filesystem::path model_file;
  std::uint64_t parameter_count = 0;
  std::uint64_t model_size_bytes = 0;
  CalibrationResult calibration;  // empty when nothing was calibrated
};

// All files of a run appear together at its end or not at all. Errors: as the stages throw them, with the
// file named.
ExportResult export_detectnet_v2(const ExportOptions& options, Log& log, Progress& progress,
                                 StatusLog& status);

}  // namespace etalon
