// `etalon calibrate relabel`: the same ranges under the header of another TensorRT, which reads no table of a
// version that it does not know.
#pragma once

#include <filesystem>

#include "etalon/base/file.hpp"
#include "etalon/base/log.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"

namespace etalon {

struct RelabelOptions {
  std::filesystem::path cache, output;
  TensorRtVersion trt_version;
  bool force = false;
};

struct RelabelResult {
  std::string old_header, new_header;
  OutputFiles::Written written;
};
RelabelResult relabel_cache(const RelabelOptions& options, Log& log);

}  // namespace etalon
