#include "etalon/cli/export_flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace etalon {
namespace {

const std::map<std::string, DataType> kDataTypes{
    {"fp32", DataType::kFp32}, {"fp16", DataType::kFp16}, {"int8", DataType::kInt8}};

std::string batch_size_check(const std::string& text) {
  return text == "-1" ? "" : CLI::Range(1, 65536)(text);
}

void add_model_flags(CLI::App& app, ExportFlags& flags, const std::string& model_help,
                     const std::string& spec_help) {
  ExportOptions& options = flags.options;
  app.add_option("-m,--model", options.model, model_help)->type_name("FILE")->required();
  app.add_option("-k,--key", options.key, "key of a .tlt model; also encrypts an .etlt")->type_name("KEY");
  app.add_option("-e,--experiment_spec", flags.experiment_spec, spec_help)->type_name("FILE");
  app.add_option("-o,--output_file", flags.output_file,
                 "model to write: .onnx or .etlt (default: ./<model>.etlt with a key and the codec, else "
                 "./<model>.onnx)")
      ->type_name("FILE");
  app.add_option("--data_type", flags.data_type,
                 "fp32, fp16 (the float model; TensorRT up to 10 chooses FP16 when it builds), int8")
      ->check(CLI::IsMember({"fp32", "fp16", "int8"}))
      ->capture_default_str();
  app.add_flag("--gen_ds_config", options.gen_ds_config,
               "write nvinfer_config.txt and labels.txt for DeepStream; needs -e");
  app.add_option("--static_batch_size", flags.static_batch_size,
                 "fixed batch size; -1: dynamic, or 1 where TensorRT's plugins need a fixed one")
      ->check(batch_size_check)
      ->capture_default_str();
  app.add_flag(
      "--repair_padding", options.repair_padding,
      "the model is an ONNX or .etlt of TAO's default route: pad its convolutions as they were trained");
  app.add_option("--tensor_names", flags.tensor_names,
                 "plain (activation_1/Relu) or tf (activation_1/Relu:0)")
      ->check(CLI::IsMember({"plain", "tf"}))
      ->capture_default_str();
}

// Calibration's flags that only an export has.
void add_own_calibration_flags(CLI::App& app, ExportFlags& flags) {
  app.add_flag("--use_validation_set", flags.calibration.options.use_validation_set,
               "calibrating from the specification's data loader: on its validation images");
  app.add_option("--cal_json_file", flags.options.cal_json_file,
                 "write the tensors' ranges as JSON too, as TAO does for quantisation-aware models")
      ->type_name("FILE");
}

void add_explicit_flags(CLI::App& app, ExportFlags& flags) {
  app.add_option("--explicit", flags.explicit_precisions,
                 "int8, fp16 or int8_fp16: write such a model beside the other too, for TensorRT 11; may be "
                 "given several times")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->delimiter(',')
      ->type_name("PRECISION")
      ->check(CLI::IsMember({"int8", "fp16", "int8_fp16"}));
  app.add_option("--balance_channels", flags.balance_channels,
                 "--explicit int8: make channels equally large first, which changes no output in FP32, and "
                 "choose the "
                 "scales of residual skips by what is left of them; kept where it is measured to help")
      ->check(CLI::IsMember({"on", "off"}))
      ->capture_default_str();
  app.add_option("--report", flags.options.report,
                 "write what was done as one HTML page: ranges, what is clipped, errors of layers, pictures")
      ->type_name("FILE.html");
  app.add_option(
         "--bias_correction", flags.bias_correction,
         "give biases what INT8 moves the means by (default: on for --explicit, off for a cache alone)")
      ->check(CLI::IsMember({"on", "off"}));
}

// The engine, and flags of TAO's own converters.
void add_converter_flags(CLI::App& app, ExportFlags& flags) {
  app.add_option("--engine_file", flags.options.engine.engine_file, "engine to build too")->type_name("FILE");
  add_engine_flags(app, flags.engine);
  app.add_flag("--force_ptq", flags.options.force_ptq,
               "quantisation-aware models: calibrate instead of using trained ranges");
  app.add_option("--onnx_route", flags.onnx_route, "accepted: there is one route here, and it is right")
      ->check(CLI::IsMember({"keras2onnx", "tf2onnx"}));
  app.add_option("--target_opset", flags.target_opset, "accepted: the ONNX has opset 13")
      ->capture_default_str();
}

void say_what_is_ignored(const CLI::App& app, const ExportFlags& flags, Log& log) {
  note_accepted_for_gpus(app, log);
  if (flags.options.engine.engine_file.empty())
    note_ignored(app,
                 {"--max_batch_size", "--min_batch_size", "--opt_batch_size", "--max_workspace_size",
                  "--strict_type_constraints", "--engine_backend", "--compute_capability", "--timing_cache",
                  "--version_compatible", "--time_limit"},
                 "it concerns the engine, and --engine_file names none", log);
  note_ignored(app, {"--onnx_route"}, "there is one route here, padded as trained", log);
  if (flags.target_opset != 13) note_ignored(app, {"--target_opset"}, "the ONNX has opset 13", log);
  if (flags.options.data_type == DataType::kInt8)
    return note_unused_range_flags(app, flags.calibration.ranges, log);
  note_ignored(app,
               {"--cal_image_dir", "--cal_data_file", "--cal_cache_file", "--batches", "--batch_size",
                "--statistics", "--shard", "--use_validation_set", "--cal_random", "--seed", "--calibrator",
                "--percentile", "--calibration_precision", "--trt_version"},
               "--data_type is not int8", log);
}

nlohmann::ordered_json document_of(const ExportResult& result) {
  nlohmann::ordered_json document{{"version", 1},
                                  {"status", "PASS"},
                                  {"model", result.model_file.string()},
                                  {"parameters", result.parameter_count},
                                  {"written", written_rows(result.written)},
                                  {"calibration_images", result.calibration.images}};
  if (!result.calibration.chosen.empty()) document["ranges"] = range_rows(result.calibration.chosen);
  if (result.engine) {
    document["engine"] = {{"backend", engine_backend_name(result.engine->backend)},
                          {"builder", result.engine->builder_version},
                          {"messages", result.engine->messages}};
    if (!result.engine->compute_capabilities.empty())
      document["engine"]["compute_capabilities"] = result.engine->compute_capabilities;
    if (!result.trtexec.empty()) document["engine"]["trtexec"] = result.trtexec;
  }
  return document;
}

}  // namespace

void add_export_flags(CLI::App& app, ExportFlags& flags, const std::string& model_help,
                      const std::string& spec_help) {
  app.option_defaults()->multi_option_policy(
      CLI::MultiOptionPolicy::TakeLast);  // as argparse: the last one counts
  add_model_flags(app, flags, model_help, spec_help);
  add_calibration_flags(app, flags.calibration);
  add_own_calibration_flags(app, flags);
  add_explicit_flags(app, flags);
  add_converter_flags(app, flags);
  add_common_flags(app, flags.common);
}

int run_export(
    CLI::App& app, ExportFlags& flags, std::vector<std::string> words, const std::function<void(Log&)>& say,
    const std::function<ExportResult(const ExportOptions&, Log&, Progress&, StatusLog&)>& export_it) {
  if (const auto done = parse_flags(app, std::move(words))) return *done;
  // The log is appended to, whatever the file holds.
  for (const std::filesystem::path& input :
       {flags.options.model, std::filesystem::path(flags.experiment_spec)}) {
    std::error_code ignored;
    if (!flags.common.log_file.empty() && std::filesystem::equivalent(flags.common.log_file, input, ignored))
      return run_verb(flags.common.json, [&]() -> nlohmann::ordered_json {
        throw Error(Kind::kWrongUsage,
                    fmt::format("--log_file '{}' is an input of this run", escaped(flags.common.log_file)),
                    "give another name");
      });
  }

  return run_tao_task(flags.common, "Export", [&](Console& console, StatusLog& status) {
    ExportOptions& options = flags.options;
    options.data_type = kDataTypes.at(flags.data_type);
    if (!flags.experiment_spec.empty()) options.experiment_spec = flags.experiment_spec;
    if (!flags.output_file.empty()) options.output_file = flags.output_file;
    if (flags.static_batch_size > 0) options.static_batch_size = flags.static_batch_size;
    options.tensor_names = flags.tensor_names == "tf" ? TensorNames::kTensorflow : TensorNames::kPlain;
    options.calibration = calibration_options(flags.calibration);
    for (const auto& name : flags.explicit_precisions) {
      const ExplicitPrecision precision = parse_explicit_precision(name);
      if (std::ranges::find(options.explicit_precisions, precision) == options.explicit_precisions.end())
        options.explicit_precisions.push_back(precision);
    }
    options.balance_channels = flags.balance_channels == "on";
    set_engine_options(flags.engine, options.engine);
    options.engine.precision = parse_precision(flags.data_type);
    options.engine.force = options.calibration.force;
    if (!flags.bias_correction.empty()) options.bias_correction = flags.bias_correction == "on";
    say_what_is_ignored(app, flags, console);
    say(console);
    status.write(StatusLog::Status::kRunning, "Building exporter object.");
    return document_of(export_it(options, console, console, status));
  });
}

}  // namespace etalon
