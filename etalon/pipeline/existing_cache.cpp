#include "etalon/pipeline/existing_cache.hpp"

#include <fmt/format.h>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/calibration/cache_lines.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

// TensorRT compares names letter by letter, so a line of the other spelling is of no use to it.
void warn_of_other_names(const CacheFit& fit, const Deployable& deployable, Log& log) {
  if (fit.spelt_otherwise.empty()) return;
  log.warning(
      fmt::format("the cache spells {} tensors otherwise than the model, with or without ':0', and "
                  "TensorRT will not find them: write the model with --tensor_names {}",
                  fit.spelt_otherwise.size(), deployable.input.ends_with(":0") ? "plain" : "tf"));
}

}  // namespace

bool uses_existing_cache(const ExportOptions& options) {
  std::error_code ignored;
  const CalibrationOptions& calibration = options.calibration;
  return options.data_type == DataType::kInt8 && !calibration.force && !calibration.statistics &&
         !calibration.shard && fs::exists(calibration.cal_cache_file, ignored);
}

CalibrationCache use_existing_cache(const ExportOptions& options, const Deployable& deployable, Log& log) {
  const fs::path& path = options.calibration.cal_cache_file;
  CalibrationCache cache = read_calibration_cache(path);
  within(
      [&] { return quoted(path); },
      [&] {
        const CacheFit fit =
            check_cache(cache, deployable.model, deployable.preprocessing, deployable.unranged);
        constexpr const char* kHint = "give another --cal_cache_file, or add --force to calibrate anew";
        if (!fit.missing.empty())
          throw Error(
              Kind::kBadInput,
              fmt::format(
                  "this cache is not of this model: {} of its tensors have no line, the first is '{}'",
                  fit.missing.size(), escaped(fit.missing.front())),
              kHint);
        if (!fit.input_possible)
          throw Error(Kind::kBadInput,
                      fmt::format("this cache is not of this model: its input range {} cannot come from "
                                  "images between {} and {}",
                                  fit.input_range, deployable.preprocessing.lowest(),
                                  deployable.preprocessing.highest()),
                      kHint);
        log.info(fmt::format(
            "using the cache {} that is there ({}, {} lines): nothing is calibrated; --force calibrates anew",
            quoted(path), escaped(cache.header), cache.lines.size()));
        warn_of_other_names(fit, deployable, log);
        if (fit.surplus.empty()) return;
        log.write(
            fit.surplus.size() * 2 > cache.lines.size() ? LogLevel::kWarning : LogLevel::kInfo,
            fmt::format(
                "{} of its {} lines name no tensor of this model, which TensorRT passes over; -v lists them",
                fit.surplus.size(), cache.lines.size()));
        for (const auto& name : fit.surplus)
          log.debug(fmt::format("no tensor of this model: '{}'", escaped(name)));
      });
  return cache;
}

}  // namespace etalon
