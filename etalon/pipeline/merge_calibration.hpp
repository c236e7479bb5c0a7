// `etalon calibrate merge`: from the statistics of all parts of a run to its cache, without the images and
// without computing anything again. With one file of a whole run: ranges chosen anew.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "etalon/base/file.hpp"
#include "etalon/base/log.hpp"
#include "etalon/calibration/ranges.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"

namespace etalon {

struct MergeOptions {
  std::vector<std::filesystem::path> statistics;
  std::filesystem::path model;                             // the ONNX that was calibrated
  std::optional<std::filesystem::path> cal_cache_file;     // to write
  std::optional<std::filesystem::path> merged_statistics;  // to write: the whole run's statistics
  RangeRule rule;
  TensorRtVersion trt_version;
  bool force = false;
};

struct MergeResult {
  std::vector<OutputFiles::Written> written;
  std::uint64_t images = 0;
  std::map<std::string, ChosenRange> chosen;
  std::uint64_t cache_lines = 0;
};

// The cache has the bytes that the unsharded run would have written. Errors: those of PartsOfRun.
MergeResult merge_calibration(const MergeOptions& options, Log& log);

}  // namespace etalon
