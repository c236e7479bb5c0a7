#include "etalon/pipeline/quantize_onnx.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "etalon/base/error.hpp"
#include "etalon/networks/metadata.hpp"
#include "etalon/onnx/drop_identities.hpp"
#include "etalon/onnx/hoist_constants.hpp"
#include "etalon/onnx/padding_fault.hpp"
#include "etalon/pipeline/exported_model.hpp"
#include "etalon/pipeline/old_cache.hpp"
#include "etalon/pipeline/written_files.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

IfExists if_exists(bool force) { return force ? IfExists::kReplace : IfExists::kRefuse; }

void check_options(const QuantizeOptions& options, bool images) {
  if (options.output.empty() && !options.rank)
    throw Error(Kind::kWrongUsage, "nothing to write was named", "add -o OUT.onnx, or --rank");
  if (!options.output.empty() && options.output.extension() != ".onnx")
    throw Error(Kind::kWrongUsage, fmt::format("-o {} does not end in .onnx", quoted(options.output)));
  if (has_int8(options.precision) && options.calibration.cal_cache_file.empty())
    throw Error(Kind::kWrongUsage, "INT8 needs ranges", "add --cal_cache_file CACHE");
  if (options.rank && !has_int8(options.precision))
    throw Error(Kind::kWrongUsage, "--rank is about INT8, and --precision is fp16");
  for (const auto& [needs, flag] :
       {std::pair{options.rank, "--rank"},
        std::pair{options.bias_correction.value_or(false), "--bias_correction on"}})
    if (needs && !images)
      throw Error(Kind::kWrongUsage, fmt::format("{} measures on images, and none were named", flag),
                  "add --cal_image_dir");
}

void warn_of_padding(const ModelProto& model, Log& log) {
  if (const auto faults = find_padding_faults(model); !faults.empty())
    log.warning(
        fmt::format("{} layers of this model are padded otherwise than they were trained: mend it first with "
                    "`etalon detectnet_v2 export --repair_padding`",
                    faults.size()));
}

bool names_images(const CalibrationOptions& options) {
  return !options.cal_image_dirs.empty() || !options.cal_data_file.empty() || options.cal_random;
}

}  // namespace

QuantizeResult quantize_onnx(const QuantizeOptions& options, Log& log, Progress& progress) {
  const bool has_images = names_images(options.calibration);
  check_options(options, has_images);
  const bool int8 = has_int8(options.precision);
  OutputFiles outputs;
  outputs.protect(options.model);
  if (int8) outputs.protect(options.calibration.cal_cache_file);
  if (!options.output.empty()) outputs.reserve(options.output, if_exists(options.calibration.force));

  if (!int8 && (has_images || !options.calibration.cal_cache_file.empty()))
    log.info("half precision needs neither a cache nor images: they are not read");
  ModelProto model = read_exported_model(options.model, options.key);
  hoist_constants(model);  // weights may stand in nodes
  const auto in_model = [&] { return quoted(options.model); };
  within(in_model, [&] {
    check_onnx(model);
    if (int8) check_can_be_quantized(model);
  });
  warn_of_padding(model, log);

  QuantizeResult result;
  ModelProto computed = model;
  drop_identities(computed);  // as calibrate runs it
  ExplicitJob job{.plain = model, .model = model, .computed = computed};
  job.unranged = within(in_model, [&] { return unranged_in(model); });
  CacheScales found;
  if (int8) {
    const CalibrationCache cache = read_calibration_cache(options.calibration.cal_cache_file);
    found = within(in_model,
                   [&] { return scales_of_cache(cache, options.calibration.cal_cache_file, model, log); });
    result.lines = cache.lines.size();
    result.tensors_with_scale = found.scales.size();
    job.scales = found.scales;
  }
  ExplicitModels models = within(in_model, [&] { return ExplicitModels(job, log); });

  if (has_images && int8) {
    within(in_model, [&] { check_can_run(model); });
    const OnnxInput input = onnx_input(model, options.model, options.input, log);
    const CalibrationSource source = choose_source(options.calibration, false, log);
    const CalibrationJob loading{.model = model,
                                 .computed = computed,
                                 .source = source,
                                 .loader = {},
                                 .size = input.size,
                                 .how = input.how,
                                 .tensors = {}};
    const CalibrationImages images = open_images(options.calibration, loading, outputs, log);
    const int threads = options.calibration.threads;
    if (options.bias_correction.value_or(true)) {
      models.correct_biases(images, {.input_dims = input.dims, .threads = threads}, log, progress);
      result.biases_corrected = models.shifts().size();
    }
    if (options.rank)
      result.errors = models.errors(images, {.input_dims = input.dims, .threads = threads}, progress);
  }

  if (!options.output.empty())
    outputs.stage(options.output, if_exists(options.calibration.force), 0666,
                  [&](Sink& sink) { write_onnx(models.in(options.precision), sink); });
  outputs.commit();
  result.written = outputs.written();
  log_written(result.written, log);
  result.quantized = models.int8().quantized;
  result.left = models.int8().left;
  result.spelt_otherwise = std::move(found.spelt_otherwise);
  result.missing = std::move(found.missing);
  result.absorbed = std::move(found.absorbed);
  result.unnamed = std::move(found.unnamed);
  result.foreign = std::move(found.foreign);
  return result;
}

ExtractResult extract_cache(const ExtractOptions& options, Log& log) {
  OutputFiles outputs;
  outputs.protect(options.model);
  outputs.reserve(options.output, if_exists(options.force));
  const ModelProto model = read_exported_model(options.model, options.key);
  CalibrationCache cache{.header = cache_header(options.trt_version), .lines = {}};
  within([&] { return quoted(options.model); },
         [&] {
           check_onnx(model);
           for (const auto& [tensor, scale] : activation_scales(model))
             cache.lines.push_back({tensor, scale});
           if (cache.lines.empty())
             throw Error(Kind::kBadInput,
                         "the model has no QuantizeLinear on an activation: it has no ranges",
                         "give an explicitly quantised model; etalon calibrate makes a cache for any other");
         });
  warn_of_version(options.trt_version, log);
  outputs.stage(options.output, if_exists(options.force), 0666, format_calibration_cache(cache));
  outputs.commit();
  log_written(outputs.written(), log);
  return {outputs.written().front(), cache.lines.size()};
}

}  // namespace etalon
