#include "etalon/pipeline/merge_calibration.hpp"

#include <fmt/format.h>

#include "etalon/base/error.hpp"
#include "etalon/calibration/statistics_store.hpp"
#include "etalon/networks/metadata.hpp"
#include "etalon/pipeline/calibration.hpp"
#include "etalon/pipeline/written_files.hpp"

namespace etalon {

MergeResult merge_calibration(const MergeOptions& options, Log& log) {
  const IfExists if_exists = options.force ? IfExists::kReplace : IfExists::kRefuse;
  if (!options.cal_cache_file && !options.merged_statistics)
    throw Error(Kind::kWrongUsage, "nothing to write was named", "add -o CACHE, or --statistics FILE");
  OutputFiles outputs;
  for (const auto& path : options.statistics) outputs.protect(path);
  outputs.protect(options.model);
  if (options.cal_cache_file) outputs.reserve(*options.cal_cache_file, if_exists);
  if (options.merged_statistics) outputs.reserve(*options.merged_statistics, if_exists);

  const ModelProto model = within([&] { return quoted(options.model); },
                                  [&] {
                                    check_is_data_file(options.model);
                                    return read_onnx(options.model);
                                  });
  PartsOfRun parts(network_identity(model), activation_names(model.graph()));
  for (const auto& path : options.statistics) parts.add(path, read_statistics(path));
  const StatisticsFile whole = parts.whole();

  MergeResult result;
  result.images = whole.images;
  if (options.cal_cache_file) {
    MadeCache made = make_cache(model, counted_statistics(whole).tensors, options.rule, options.trt_version,
                                unranged_in(model));
    tell_ranges(made, options.rule, log);
    warn_of_version(options.trt_version, log);
    outputs.stage(*options.cal_cache_file, if_exists, 0666, format_calibration_cache(made.cache));
    result.cache_lines = made.cache.lines.size();
    result.chosen = std::move(made.chosen);
  }
  if (options.merged_statistics)
    outputs.stage(*options.merged_statistics, if_exists, 0666, format_statistics(whole));
  outputs.commit();
  result.written = outputs.written();
  log_written(result.written, log);
  return result;
}

}  // namespace etalon
