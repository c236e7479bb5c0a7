#include "etalon/pipeline/relabel_cache.hpp"

#include <fmt/format.h>

#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/pipeline/calibration.hpp"
#include "etalon/pipeline/written_files.hpp"

namespace etalon {

RelabelResult relabel_cache(const RelabelOptions& options, Log& log) {
  const IfExists if_exists = options.force ? IfExists::kReplace : IfExists::kRefuse;
  OutputFiles outputs;
  outputs.protect(options.cache);
  outputs.reserve(options.output, if_exists);
  CalibrationCache cache = read_calibration_cache(options.cache);
  RelabelResult result;
  result.old_header = std::exchange(cache.header, cache_header(options.trt_version));
  result.new_header = cache.header;
  const auto algorithm = [](std::string_view header) { return header.substr(header.rfind('-') + 1); };
  if (algorithm(result.old_header) != algorithm(result.new_header))
    log.info(fmt::format("the header said {}, and every reader looks for {}: that word is changed as well",
                         escaped(algorithm(result.old_header)), algorithm(result.new_header)));
  warn_of_version(options.trt_version, log);
  outputs.stage(options.output, if_exists, 0666, format_calibration_cache(cache));
  outputs.commit();
  result.written = outputs.written().front();
  log_written(outputs.written(), log);
  return result;
}

}  // namespace etalon
