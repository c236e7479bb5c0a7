#include "etalon/pipeline/export_detectnet_v2.hpp"

#include <fmt/format.h>

#include <optional>
#include <set>

#include "etalon/base/error.hpp"
#include "etalon/calibration/cache_lines.hpp"
#include "etalon/calibration/image_folder.hpp"
#include "etalon/calibration/scale_sources.hpp"
#include "etalon/deployment/deepstream.hpp"
#include "etalon/formats/etlt/etlt.hpp"
#include "etalon/networks/detectnet_v2/detectnet_v2.hpp"
#include "etalon/networks/detectnet_v2/spec_facts.hpp"
#include "etalon/pipeline/trained_model.hpp"
#include "etalon/pipeline/written_files.hpp"
#include "etalon/spec/detectnet_v2_spec.hpp"
#include "etalon/workers/codec.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void not_there_yet(std::string_view what, std::string hint = {}) {
  throw Error(Kind::kUnsupported, fmt::format("{} is not there yet", what), std::move(hint));
}

// --- what the options mean

bool uses_existing_cache(const ExportOptions& options) {
  std::error_code ignored;
  const CalibrationOptions& calibration = options.calibration;
  return options.data_type == DataType::kInt8 && !calibration.force && !calibration.statistics &&
         !calibration.shard && fs::exists(calibration.cal_cache_file, ignored);
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

struct ModelFile {
  fs::path path;
  std::optional<CodecFound> codec;  // set: the file is encrypted with it
};

CodecFound codec_for_etlt(const ExportOptions& options, const fs::path& path) {
  if (options.key.empty())
    throw Error(Kind::kWrongUsage, fmt::format("{} is an encrypted model and no key was given", quoted(path)),
                "add --key KEY, or write .onnx");
  auto codec = find_codec();
  if (!codec) throw_no_codec("to write an .etlt");
  return *std::move(codec);
}

// The ending of -o decides; without one, .etlt if there is a key and the codec (docs/decisions.md 5).
ModelFile choose_model_file(const ExportOptions& options, Log& log) {
  fs::path path = options.output_file.value_or(fs::path(".") / options.model.stem());
  std::error_code ignored;
  const std::string name = path.filename().string();
  if (name.empty() || name == "." || name == ".." || name == ".onnx" || name == ".etlt" ||
      (options.output_file && fs::is_directory(path, ignored)))
    throw Error(Kind::kWrongUsage,
                fmt::format("--output_file {} names a folder, expected a file", quoted(path)),
                "give a name that ends in .onnx or .etlt");
  const std::string ending = options.output_file ? path.extension().string() : "";
  if (ending == ".onnx") return {path, std::nullopt};
  if (ending == ".etlt") return {path, codec_for_etlt(options, path)};
  if (!ending.empty())
    throw Error(Kind::kWrongUsage, fmt::format("--output_file {} ends in '{}', expected .onnx or .etlt",
                                               quoted(path), escaped(ending)));
  std::optional<CodecFound> codec;
  if (!options.key.empty()) codec = find_codec();
  path += codec ? ".etlt" : ".onnx";
  log.info(fmt::format("writing {}: {}", quoted(path),
                       codec ? "a key was given, so the model is encrypted"
                       : options.key.empty()
                           ? "no key was given, so the model is plain ONNX"
                           : "NVIDIA's codec is not installed, so the model is plain ONNX"));
  return {path, codec};
}

NetworkMode network_mode(DataType type) {
  switch (type) {
    case DataType::kFp32:
      return NetworkMode::kFp32;
    case DataType::kFp16:
      return NetworkMode::kFp16;
    case DataType::kInt8:
      return NetworkMode::kInt8;
  }
  return NetworkMode::kFp32;
}

// --- calibration

// TensorRT compares names letter by letter, so a table of the other spelling is of no use to it.
void warn_of_other_names(const CalibrationCache& cache, const Deployable& deployable, Log& log) {
  std::set<std::string_view> lines;
  for (const auto& line : cache.lines) lines.insert(line.tensor);
  std::size_t otherwise = 0;
  for (const auto& name : activation_names(deployable.model.graph()))
    otherwise += lines.contains(name) ? 0 : 1;
  if (otherwise > 0)
    log.warning(
        fmt::format("the cache spells {} tensors otherwise than the model, with or without ':0', and "
                    "TensorRT will not find them: "
                    "write the model with --tensor_names {}",
                    otherwise, deployable.input.ends_with(":0") ? "plain" : "tf"));
}

void use_existing_cache(const ExportOptions& options, const Deployable& deployable, Log& log) {
  const fs::path& path = options.calibration.cal_cache_file;
  const CalibrationCache cache = read_calibration_cache(path);
  within(
      [&] { return quoted(path); },
      [&] {
        const CacheFit fit = check_cache(cache, deployable.model, deployable.preprocessing);
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
        warn_of_other_names(cache, deployable, log);
        if (fit.surplus.empty()) return;
        log.write(
            fit.surplus.size() * 2 > cache.lines.size() ? LogLevel::kWarning : LogLevel::kInfo,
            fmt::format(
                "{} of its {} lines name no tensor of this model, which TensorRT passes over; -v lists them",
                fit.surplus.size(), cache.lines.size()));
        for (const auto& name : fit.surplus)
          log.debug(fmt::format("no tensor of this model: '{}'", escaped(name)));
      });
}

CalibrationJob job_of(const Deployable& deployable, CalibrationSource source, const DetectnetV2Spec* spec) {
  return {.model = deployable.model,
          .computed = deployable.model,
          .source = source,
          .spec = spec,
          .size = {static_cast<int>(deployable.channels), static_cast<int>(deployable.height),
                   static_cast<int>(deployable.width)},
          .how = deployable.preprocessing,
          .tensors = deciding_tensors(deployable.model)};
}

// --- files

// Files beside the model that a second export would write again: the same bytes are left alone.
void stage_unless_equal(OutputFiles& outputs, const fs::path& path, IfExists if_exists, unsigned mode,
                        const std::string& text, Log& log) {
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored) && fs::file_size(path, ignored) == text.size() &&
      as_text(read_file(path)) == text) {
    constexpr unsigned kOwnerOnly = 0600;
    if (mode == kOwnerOnly)
      fs::permissions(path,
                      fs::perms::owner_read | fs::perms::owner_write);  // it may have been opened up since
    log.info(fmt::format("{} is there already with the same content", quoted(path)));
    return;
  }
  outputs.stage(path, if_exists, mode, text);
}

// nvinfer takes paths relative to the folder of its configuration.
std::string relative_to(const fs::path& folder, const fs::path& path) {
  return fs::weakly_canonical(fs::absolute(path))
      .lexically_proximate(fs::weakly_canonical(fs::absolute(folder)))
      .string();
}

void stage_deepstream_files(OutputFiles& outputs, const ExportOptions& options, const Deployable& deployable,
                            const ModelFile& output, Log& log) {
  const IfExists if_exists = options.calibration.force ? IfExists::kReplace : IfExists::kRefuse;
  const fs::path folder = output.path.has_parent_path() ? output.path.parent_path() : fs::path(".");
  DeepStreamModel model;
  model.model_file = output.path.filename().string();
  model.encrypted = output.codec.has_value();
  model.key = options.key;
  model.mode = network_mode(options.data_type);
  if (options.data_type == DataType::kInt8)
    model.calibration_cache = relative_to(folder, options.calibration.cal_cache_file);
  const auto in_spec = [&] { return quoted(*options.experiment_spec); };
  const NvinferConfig config = within(in_spec, [&] { return nvinfer_config(deployable, model); });
  const std::string labels = within(in_spec, [&] { return labels_txt(deployable.labels); });
  for (const auto& warning : config.warnings) log.warning(warning);
  const bool holds_key = !options.key.empty();
  if (holds_key)
    log.info(fmt::format("{} holds the key, as TAO writes it: only you may read it (mode 0600)",
                         quoted(folder / "nvinfer_config.txt")));
  stage_unless_equal(outputs, folder / "labels.txt", if_exists, 0666, labels, log);
  stage_unless_equal(outputs, folder / "nvinfer_config.txt", if_exists, holds_key ? 0600 : 0666, config.text,
                     log);
}

void stage_model(OutputFiles& outputs, const ExportOptions& options, const Deployable& deployable,
                 const ModelFile& output) {
  const IfExists if_exists = options.calibration.force ? IfExists::kReplace : IfExists::kRefuse;
  outputs.stage(output.path, if_exists, 0666, [&](Sink& sink) {
    if (!output.codec) return write_onnx(deployable.model, sink);
    const Bytes header(kOnnxEtltHeaderBytes);  // four zero bytes: no input name, so the payload is ONNX
    sink.write(header);
    const std::string plain = onnx_bytes(deployable.model);
    sink.write(encrypt(*output.codec, as_bytes(plain), options.key));
  });
}

// The spec, and everything of it that an export reads: a fault is the spec's, not the model's.
DetectnetV2Spec read_spec(const fs::path& path, Log& log) {
  DetectnetV2Spec spec = read_detectnet_v2_spec(path);
  for (const auto& finding : spec.findings)
    log.warning(fmt::format("{}: {}", quoted(path), describe(finding)));
  within([&] { return quoted(path); },
         [&] {
           clustering_of(spec.experiment, target_class_names(spec.experiment));
           box_code_of(spec.experiment);
         });
  return spec;
}

}  // namespace

ExportResult export_detectnet_v2(const ExportOptions& options, Log& log, Progress& progress,
                                 StatusLog& status) {
  check_options(options);
  const ModelFile output = choose_model_file(options, log);

  // What would fail at the end fails now.
  const IfExists if_exists = options.calibration.force ? IfExists::kReplace : IfExists::kRefuse;
  const bool int8 = options.data_type == DataType::kInt8;
  const bool cache_exists = uses_existing_cache(options);
  OutputFiles outputs;
  check_is_data_file(options.model);
  std::optional<CalibrationSource> source;
  if (int8 && !cache_exists)
    source = choose_source(options.calibration, options.experiment_spec.has_value(), log);
  if (int8 && source != CalibrationSource::kImageFolders)  // a wrong name is a fault all the same
    for (const auto& folder : options.calibration.cal_image_dirs) list_calibration_images(folder);
  outputs.protect(options.model);
  if (options.experiment_spec) outputs.protect(*options.experiment_spec);
  outputs.reserve(output.path, if_exists);
  std::optional<DetectnetV2Spec> spec;
  if (options.experiment_spec) spec = read_spec(*options.experiment_spec, log);

  using Status = StatusLog::Status;
  status.write(Status::kRunning, "Exporting the model.");
  KerasModel trained = read_trained_model(options.model, options.key);
  const Deployable deployable =
      within([&] { return quoted(options.model); },
             [&] {
               return deployable_from_keras(
                   std::move(trained), spec ? &*spec : nullptr,
                   {.static_batch_size = options.static_batch_size, .tensor_names = options.tensor_names});
             });
  log.info(fmt::format("{}: {}x{}x{} input, {} classes, {} parameters", quoted(options.model),
                       deployable.channels, deployable.height, deployable.width, deployable.class_count,
                       deployable.parameter_count));
  std::string output_names;
  for (const auto& out : deployable.outputs)
    output_names += fmt::format("{}'{}'", output_names.empty() ? "" : ", ", out.tensor);
  status.write(Status::kRunning, fmt::format("Using input nodes: ['{}']", deployable.input));
  status.write(Status::kRunning, fmt::format("Using output nodes: [{}]", output_names));
  progress.check();

  std::optional<CalibrationJob> job;
  CalibrationImages images;
  if (source) {
    job.emplace(job_of(deployable, *source, spec ? &*spec : nullptr));
    images = open_images(options.calibration, *job, outputs, log);
    reserve_calibration_outputs(options.calibration, *source, outputs);
  }

  ExportResult result;
  stage_model(outputs, options, deployable, output);
  if (options.gen_ds_config) stage_deepstream_files(outputs, options, deployable, output, log);
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
