// A calibration cache that is there already: checked against the model and used, as TAO uses it.
#pragma once

#include "etalon/base/log.hpp"
#include "etalon/networks/deployable.hpp"
#include "etalon/pipeline/export_options.hpp"

namespace etalon {

// Whether an export takes the cache at --cal_cache_file as it is: INT8, the file is there, and nothing asks
// for statistics or for calibrating anew.
bool uses_existing_cache(const ExportOptions& options);

// Errors (kBadInput, file named): no cache, or another model's.
void use_existing_cache(const ExportOptions& options, const Deployable& deployable, Log& log);

}  // namespace etalon
