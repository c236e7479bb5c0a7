#include "etalon/pipeline/export_network.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "etalon/base/error.hpp"
#include "etalon/calibration/image_folder.hpp"
#include "etalon/calibration/scale_sources.hpp"
#include "etalon/pipeline/deepstream_output.hpp"
#include "etalon/pipeline/existing_cache.hpp"
#include "etalon/pipeline/model_output.hpp"
#include "etalon/pipeline/written_files.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void not_there_yet(std::string_view what, std::string hint = {}) {
  throw Error(Kind::kUnsupported, fmt::format("{} is not there yet", what), std::move(hint));
}

void check_options(const ExportOptions& options) {
  if (options.gen_ds_config && !options.experiment_spec)
    throw Error(Kind::kWrongUsage, "--gen_ds_config needs --experiment_spec: the class names stand there",
                "add -e SPEC");
  if (!options.engine_file.empty())
    not_there_yet("--engine_file: building engines",
                  "build it from the ONNX with trtexec on the target machine");
  if (!options.cal_json_file.empty()) not_there_yet("--cal_json_file: ranges of quantisation-aware models");
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

}  // namespace

ExportResult export_network(const ExportOptions& options, const NetworkToExport& network, Log& log,
                            Progress& progress, StatusLog& status) {
  check_options(options);
  const ModelOutput output = choose_model_output(options, log);

  // What would fail at the end fails now.
  const IfExists if_exists = options.calibration.force ? IfExists::kReplace : IfExists::kRefuse;
  const bool int8 = options.data_type == DataType::kInt8;
  const bool cache_exists = uses_existing_cache(options);
  OutputFiles outputs;
  std::optional<CalibrationSource> source;
  if (int8 && !cache_exists) source = choose_source(options.calibration, network.loader != nullptr, log);
  if (int8 && source != CalibrationSource::kImageFolders)  // a wrong name is a fault all the same
    for (const auto& folder : options.calibration.cal_image_dirs) list_calibration_images(folder);
  protect_model(options.model, outputs);
  if (options.experiment_spec) outputs.protect(*options.experiment_spec);
  outputs.reserve(output.path, if_exists);

  using Status = StatusLog::Status;
  status.write(Status::kRunning, "Exporting the model.");
  const Deployable deployable = network.deployable();
  log.info(fmt::format("{}: {}x{}x{} input, {} classes, {} parameters", quoted(options.model),
                       deployable.channels, deployable.height, deployable.width, deployable.class_count,
                       deployable.parameter_count));
  std::string output_names;
  for (const auto& out : deployable.outputs)
    output_names += fmt::format("{}'{}'", output_names.empty() ? "" : ", ", out.tensor);
  status.write(Status::kRunning, fmt::format("Using input nodes: ['{}']", deployable.input));
  status.write(Status::kRunning, fmt::format("Using output nodes: [{}]", output_names));
  progress.check();

  ModelProto runnable;
  std::optional<CalibrationJob> job;
  CalibrationImages images;
  if (source) {
    if (network.runnable) runnable = network.runnable();
    job.emplace(
        CalibrationJob{.model = deployable.model,
                       .computed = network.runnable ? runnable : deployable.model,
                       .source = *source,
                       .loader = network.loader,
                       .size = {static_cast<int>(deployable.channels), static_cast<int>(deployable.height),
                                static_cast<int>(deployable.width)},
                       .how = deployable.preprocessing,
                       .tensors = deciding_tensors(deployable.model, deployable.unranged),
                       .unranged = deployable.unranged});
    images = open_images(options.calibration, *job, outputs, log);
    reserve_calibration_outputs(options.calibration, *source, outputs);
  }

  ExportResult result;
  stage_model(options, deployable.model, output, outputs);
  if (options.gen_ds_config) stage_deepstream_files(options, deployable, output, outputs, log);
  if (cache_exists) {
    use_existing_cache(options, deployable, log);
    if (!options.calibration.cal_data_file.empty())
      log.info(fmt::format("the tensorfile {} is neither read nor written: nothing is calibrated",
                           quoted(options.calibration.cal_data_file)));
  }
  if (job) {
    status.write(Status::kRunning, "Calibration takes time especially if number of batches is large.");
    result.calibration = calibrate(options.calibration, *job, images, outputs, log, progress);
  }

  outputs.commit();
  result.written = outputs.written();
  result.model_file = output.path;
  result.parameter_count = deployable.parameter_count;
  result.model_size_bytes = result.written.front().size_bytes;  // the model was staged first
  log_written(result.written, log);
  status.write(Status::kSuccess, "Export complete.",
               {{"param_count", static_cast<double>(result.parameter_count) / 1e6},
                {"size", static_cast<double>(result.model_size_bytes) / (1 << 20)}});
  return result;
}

}  // namespace etalon
