#include "etalon/pipeline/export_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "etalon/base/error.hpp"
#include "etalon/calibration/cache_scales.hpp"
#include "etalon/calibration/image_folder.hpp"
#include "etalon/calibration/scale_sources.hpp"
#include "etalon/formats/calibration_cache/tensor_scales_json.hpp"
#include "etalon/pipeline/best_explicit.hpp"
#include "etalon/pipeline/deepstream_output.hpp"
#include "etalon/pipeline/existing_cache.hpp"
#include "etalon/pipeline/explicit_models.hpp"
#include "etalon/pipeline/export_plan.hpp"
#include "etalon/pipeline/export_report.hpp"
#include "etalon/pipeline/exported_model.hpp"
#include "etalon/pipeline/model_output.hpp"
#include "etalon/pipeline/old_cache.hpp"
#include "etalon/pipeline/trained_ranges.hpp"
#include "etalon/pipeline/written_files.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

IfExists if_exists(const ExportOptions& options) {
  return options.calibration.force ? IfExists::kReplace : IfExists::kRefuse;
}

void check_options(const ExportOptions& options) {
  if (options.gen_ds_config && !options.experiment_spec)
    throw Error(Kind::kWrongUsage, "--gen_ds_config needs --experiment_spec: the class names stand there",
                "add -e SPEC");
  if (options.calibration.shard && (!options.explicit_precisions.empty() || !options.report.empty()))
    throw Error(Kind::kWrongUsage,
                "--shard counts a part of the images only: no explicit model and no report",
                "merge the parts, then export with the cache");
}

// A model may be a checkpoint's folder, or the index in it: then none of its files may be written over.
void protect_model(const fs::path& model, OutputFiles& outputs) {
  std::error_code ignored;
  outputs.protect(model);
  fs::path folder = model;
  if (model.extension() == ".index") folder = model.has_parent_path() ? model.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, ignored)) return;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".index") || name.find(".data-") != std::string::npos) outputs.protect(entry.path());
  }
}

// Images are for ranges, and for what needs the network's answers besides; nothing where they are not needed
// or, for the latter, not named.
std::optional<CalibrationSource> source_of_images(const ExportOptions& options,
                                                  const NetworkToExport& network, const ExportPlan& plan,
                                                  Log& log) {
  const CalibrationOptions& calibration = options.calibration;
  std::optional<CalibrationSource> source;
  std::error_code ignored;
  const bool named = !calibration.cal_image_dirs.empty() ||
                     (!calibration.cal_data_file.empty() && fs::exists(calibration.cal_data_file, ignored));
  const bool looks_besides = plan.corrects_biases || !options.report.empty();
  if (plan.ranges == RangesFrom::kCalibration || (plan.ranges != RangesFrom::kNowhere && looks_besides &&
                                                  (named || options.bias_correction.value_or(false))))
    source = choose_source(calibration, network.loader != nullptr, log);
  else if (plan.ranges == RangesFrom::kExistingCache && !calibration.cal_data_file.empty())
    log.info(fmt::format("the tensorfile {} is neither read nor written: nothing is calibrated",
                         quoted(calibration.cal_data_file)));
  if (options.data_type == DataType::kInt8 && source != CalibrationSource::kImageFolders)
    for (const auto& folder : calibration.cal_image_dirs)  // a wrong name is a fault all the same
      list_calibration_images(folder);
  return source;
}

// What a CPU runs to see the values of the model's tensors.
struct ComputedGraph {
  bool is_another = false;  // than the deployed model: `model`
  ModelProto model;
  std::vector<std::string> tensors;  // that decide scales and can be seen
};

ComputedGraph computed_graph(const NetworkToExport& network, const Deployable& deployable) {
  if (network.exported) {
    WatchedModel watched = watched_model(deployable.model, deployable.unranged);
    return {true, std::move(watched.model), std::move(watched.tensors)};
  }
  ComputedGraph graph;
  graph.tensors = deciding_tensors(deployable.model, deployable.unranged);
  if (network.runnable) {
    graph.is_another = true;
    graph.model = network.runnable();
  }
  return graph;
}

CalibrationJob job_of(const Deployable& deployable, const ComputedGraph& graph,
                      const NetworkToExport& network, CalibrationSource source) {
  return {.model = deployable.model,
          .computed = graph.is_another ? graph.model : deployable.model,
          .source = source,
          .loader = network.loader,
          .size = {static_cast<int>(deployable.channels), static_cast<int>(deployable.height),
                   static_cast<int>(deployable.width)},
          .how = deployable.preprocessing,
          .tensors = graph.tensors,
          .unranged = deployable.unranged};
}

// Of a quantisation-aware model: its ranges are the cache.
CalibrationCache stage_trained_ranges(const ExportOptions& options, const TrainedQuantization& trained,
                                      OutputFiles& outputs, Log& log) {
  CalibrationCache cache = trained_cache(trained, options.calibration.trt_version);
  log.info(
      fmt::format("the model was trained for INT8: its {} ranges are used and nothing is calibrated; "
                  "--force_ptq calibrates",
                  trained.ranges.size()));
  if (options.data_type != DataType::kInt8) return cache;
  warn_of_version(options.calibration.trt_version, log);
  outputs.stage(options.calibration.cal_cache_file, if_exists(options), 0666,
                format_calibration_cache(cache));
  return cache;
}

std::map<std::string, float> usable_scales(const ExportOptions& options, const CalibrationCache& cache,
                                           const Deployable& deployable) {
  CacheScales found = cache_scales(cache, deployable.model);
  check_scales(found, options.calibration.cal_cache_file);
  return std::move(found.scales);
}

void stage_tensor_scales(const ExportOptions& options, const CalibrationCache& cache, OutputFiles& outputs,
                         Log& log) {
  if (cache.lines.empty())
    return log.warning("--cal_json_file is not written: there are no ranges, for --data_type is not int8");
  std::vector<TensorRange> ranges;
  for (const auto& line : cache.lines) ranges.emplace_back(line.tensor, line.range());
  outputs.stage(options.cal_json_file, if_exists(options), 0666, format_tensor_scales(ranges));
}

void reserve_outputs(const ExportOptions& options, const ModelOutput& output, OutputFiles& outputs) {
  protect_model(options.model, outputs);
  if (options.experiment_spec) outputs.protect(*options.experiment_spec);
  outputs.reserve(output.path, if_exists(options));
  for (const auto precision : options.explicit_precisions)
    outputs.reserve(explicit_path(output.path, precision), if_exists(options));
  for (const auto& path : {options.cal_json_file, options.report})
    if (!path.empty()) outputs.reserve(path, if_exists(options));
}

void tell_network(const ExportOptions& options, const Deployable& deployable, Log& log, StatusLog& status) {
  log.info(fmt::format("{}: {}x{}x{} input, {} classes, {} parameters", quoted(options.model),
                       deployable.channels, deployable.height, deployable.width, deployable.class_count,
                       deployable.parameter_count));
  std::string output_names;
  for (const auto& out : deployable.outputs)
    output_names += fmt::format("{}'{}'", output_names.empty() ? "" : ", ", out.tensor);
  using Status = StatusLog::Status;
  status.write(Status::kRunning, fmt::format("Using input nodes: ['{}']", deployable.input));
  status.write(Status::kRunning, fmt::format("Using output nodes: [{}]", output_names));
}

// What stands beside the report: each file with its size.
std::vector<std::pair<std::string, std::string>> written_files(const OutputFiles& outputs) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const auto& file : outputs.staged())
    files.emplace_back(file.path.string(), fmt::format("{} bytes", file.size_bytes));
  return files;
}

// What of the engine's model is known before anything is computed.
void check_engine_takes(const EngineBuilder& builder, const Deployable& deployable, const ExportPlan& plan) {
  EngineRequest request;
  request.model = describe_for_engine(deployable.model);
  request.model.quantized = plan.built_as && has_int8(*plan.built_as);
  request.model.half = plan.built_as && *plan.built_as != ExplicitPrecision::kInt8;
  check_request(builder, request);
}

// Where the trtexec line names a model that it will not find or cannot read.
std::string note_on_model(const ExportOptions& options, const ModelOutput& output, const ExportPlan& plan) {
  if (plan.built_as &&
      std::ranges::find(options.explicit_precisions, *plan.built_as) == options.explicit_precisions.end())
    return fmt::format(" (--explicit {} writes that model)", explicit_precision_name(*plan.built_as));
  if (!plan.built_as && output.codec) return " (of the model as .onnx: trtexec reads no .etlt)";
  return {};
}

std::uint64_t size_of(const fs::path& path, const std::vector<OutputFiles::Written>& written) {
  for (const auto& file : written)
    if (file.path == path) return file.size_bytes;
  return 0;
}

}  // namespace

ExportResult export_network(const ExportOptions& options, const NetworkToExport& network, Log& to_log,
                            Progress& progress, StatusLog& status) {
  WarningKeeper log(to_log);
  check_options(options);
  const ModelOutput output = choose_model_output(options, log);
  OutputFiles outputs;
  reserve_outputs(options, output, outputs);  // what would fail at the end fails now
  std::optional<EngineJob> engine;
  if (!options.engine.engine_file.empty()) engine = prepare_engine(options.engine, outputs, log);

  using Status = StatusLog::Status;
  status.write(Status::kRunning, "Exporting the model.");
  const Deployable deployable = network.deployable();
  tell_network(options, deployable, log, status);
  progress.check();

  const ExportPlan plan = plan_export(options, deployable, engine ? &engine->builder : nullptr);
  if (engine) check_engine_takes(engine->builder, deployable, plan);
  const std::optional<CalibrationSource> source = source_of_images(options, network, plan, log);
  if (source && network.exported) check_can_run(deployable.model);
  ComputedGraph graph;
  std::optional<CalibrationJob> job;
  CalibrationImages images;
  if (source) {
    graph = computed_graph(network, deployable);
    job.emplace(job_of(deployable, graph, network, *source));
    images = open_images(options.calibration, *job, outputs, log);
  }

  ExportResult result;
  CalibrationCache cache;
  switch (plan.ranges) {
    case RangesFrom::kNowhere:
      break;
    case RangesFrom::kTraining:
      if (options.data_type == DataType::kInt8)
        status.write(Status::kRunning, "Extracting scales generated during QAT.");
      if (options.data_type == DataType::kInt8)
        outputs.reserve(options.calibration.cal_cache_file, if_exists(options));
      cache = stage_trained_ranges(options, *deployable.trained, outputs, log);
      break;
    case RangesFrom::kExistingCache:
      cache = use_existing_cache(options, deployable, log);
      if (plan.makes_explicit && options.balance_channels)
        log.info(
            "the explicit models have the cache's ranges, without channel balance; --force calibrates anew");
      break;
    case RangesFrom::kCalibration:
      reserve_calibration_outputs(options.calibration, *source, outputs);
      status.write(Status::kRunning, "Calibration takes time especially if number of batches is large.");
      result.calibration = calibrate(options.calibration, *job, images, outputs, log, progress);
      cache = result.calibration.cache;
      break;
  }
  if (!options.cal_json_file.empty()) stage_tensor_scales(options, cache, outputs, log);

  std::optional<BestExplicit> best;
  const ExplicitModels* models = nullptr;
  ModelProto corrected;  // biases for INT8 by a cache alone, if asked for
  const ModelProto* exported = &deployable.model;
  if (plan.makes_explicit) {
    best.emplace(
        BestExplicitInputs{
            .options = options.calibration,
            .plan = plan,
            .job = {.plain = deployable.model,
                    .model = deployable.model,
                    .computed = graph.is_another ? graph.model : deployable.model,
                    .scales = plan.ranges == RangesFrom::kTraining
                                  ? trained_scales(*deployable.trained)
                                  : usable_scales(options, cache, deployable),
                    .trained = plan.ranges == RangesFrom::kTraining ? &*deployable.trained : nullptr,
                    .unranged = deployable.unranged},
            .calibration = job ? &*job : nullptr,
            .images = source ? &images : nullptr},
        log, progress);
    models = &best->models();
    if (output.codec && !options.explicit_precisions.empty())
      log.warning("the explicit models are plain ONNX: the key encrypts the exported model alone");
    for (const auto precision : options.explicit_precisions)
      outputs.stage(explicit_path(output.path, precision), if_exists(options), 0666,
                    [&](Sink& sink) { write_onnx(models->in(precision), sink); });
    if (plan.corrects_exported && !models->shifts().empty()) {
      corrected = deployable.model;
      apply_bias_shifts(corrected, models->shifts());
      exported = &corrected;
      log.info("the exported model has the corrected biases: it is for INT8 alone");
    }
  }

  stage_model(options, *exported, output, outputs);
  if (options.gen_ds_config) stage_deepstream_files(options, deployable, output, outputs, log);

  if (engine) {
    if (!plan.built_as && !engine->builder.takes_cache() && !options.explicit_precisions.empty())
      log.info("the engine is of the float32 model, for --data_type is fp32");
    const ModelProto made = plan.built_as ? models->in(*plan.built_as) : *exported;
    const std::string bytes = onnx_bytes(made);
    ModelToBuild to_build{.name = plan.built_as ? explicit_path(output.path, *plan.built_as) : output.path,
                          .described = describe_for_engine(made),
                          .onnx = as_bytes(bytes),
                          .cache_name = options.calibration.cal_cache_file,
                          .cache = {}};
    if (!cache.lines.empty()) to_build.cache = cache;
    status.write(Status::kRunning, "Building the engine.");
    result.engine = stage_engine(*engine, to_build, outputs, log, progress);
    if (engine->builder.backend != EngineBackend::kOpenvino) {
      result.trtexec = trtexec_line(options.engine, to_build);
      log.info(fmt::format("the same engine of TensorRT on the target machine: {}{}",
                           escaped(result.trtexec, 4000), note_on_model(options, output, plan)));
    }
  }
  if (!options.report.empty()) {
    const ReportInputs inputs{.options = options,
                              .deployable = deployable,
                              .calibration = result.calibration,
                              .cache = cache,
                              .models = models,
                              .images = source ? &images : nullptr,
                              .computed = graph.is_another ? graph.model : deployable.model,
                              .written = written_files(outputs),
                              .warnings = log.warnings()};
    outputs.stage(options.report, if_exists(options), 0666, html_report(report_of(inputs, log, progress)));
  }

  outputs.commit();
  result.written = outputs.written();
  result.model_file = output.path;
  result.parameter_count = deployable.parameter_count;
  result.model_size_bytes = size_of(output.path, result.written);
  log_written(result.written, log);
  status.write(Status::kSuccess, "Export complete.",
               {{"param_count", static_cast<double>(result.parameter_count) / 1e6},
                {"size", static_cast<double>(result.model_size_bytes) / (1 << 20)}});
  return result;
}

}  // namespace etalon
