// What every use case says of its outputs once they have their names.
#pragma once

#include <vector>

#include "etalon/base/file.hpp"
#include "etalon/base/log.hpp"

namespace etalon {

// A line for each file: its path and size.
void log_written(const std::vector<OutputFiles::Written>& files, Log& log);

}  // namespace etalon
