#include "etalon/pipeline/written_files.hpp"

#include <fmt/format.h>

namespace etalon {

void log_written(const std::vector<OutputFiles::Written>& files, Log& log) {
  for (const auto& file : files)
    log.info(fmt::format("wrote {} ({} bytes)", quoted(file.path), file.size_bytes));
}

}  // namespace etalon
