// A calibration cache that is there already: checked against the model and used, as TAO uses it.
#pragma once

#include "etalon/base/log.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/networks/deployable.hpp"
#include "etalon/pipeline/export_options.hpp"

namespace etalon {

// Whether an export takes the cache at --cal_cache_file as it is: INT8, the file is there, and nothing asks
// for statistics or for calibrating anew.
bool uses_existing_cache(const ExportOptions& options);

// The cache. Errors (kBadInput, file named): none, or another model's.
CalibrationCache use_existing_cache(const ExportOptions& options, const Deployable& deployable, Log& log);

}  // namespace etalon
