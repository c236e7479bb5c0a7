#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "etalon/cli/calibration_flags.hpp"
#include "etalon/cli/tao_task.hpp"
#include "etalon/cli/verbs.hpp"
#include "etalon/pipeline/quantize_onnx.hpp"

namespace etalon {
namespace {

using Json = nlohmann::ordered_json;

Json error_rows(const QuantizationErrors& errors) {
  Json rows = Json::array();
  for (const auto& layer : errors.layers)
    rows.push_back(
        {{"layer", layer.layer}, {"op", layer.op}, {"own_db", layer.own_db}, {"total_db", layer.total_db}});
  return rows;
}

Json left_rows(const std::vector<LayerLeftFloat>& left) {
  Json rows = Json::array();
  for (const auto& layer : left) rows.push_back({{"layer", layer.layer}, {"reason", layer.reason}});
  return rows;
}

Json document_of(const QuantizeResult& result, bool complete) {
  Json document{{"version", 1},
                {"written", written_rows(result.written)},
                {"layers_in_int8", result.quantized.size()},
                {"layers_in_float", result.left.size()},
                {"biases_corrected", result.biases_corrected},
                {"cache_lines", result.lines},
                {"tensors_with_scale", result.tensors_with_scale}};
  if (result.errors) {
    Json outputs = Json::object();
    for (const auto& [name, decibel] : result.errors->outputs) outputs[name] = decibel;
    document["outputs_db"] = std::move(outputs);
    document["layers_by_error"] = error_rows(*result.errors);
  }
  if (!complete) return document;
  Json otherwise = Json::object();
  for (const auto& [tensor, line] : result.spelt_otherwise) otherwise[tensor] = line;
  document["in_float"] = left_rows(result.left);
  document["spelt_otherwise"] = std::move(otherwise);
  document["missing"] = result.missing;
  document["absorbed"] = result.absorbed;
  document["unnamed"] = result.unnamed;
  document["foreign"] = result.foreign;
  return document;
}

}  // namespace

int quantize_command(std::vector<std::string> words) {
  CLI::App app(
      "An ONNX model and its calibration cache as an explicitly quantised model, which TensorRT 11 takes.",
      "etalon quantize");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  QuantizeOptions options;
  CalibrationOptions& images = options.calibration;
  InputFlags input;
  std::string precision = "int8", bias_correction;
  bool json = false, verbose = false;
  images.cal_cache_file.clear();
  app.add_option("model", options.model, "ONNX model (opset 13 or later), or an .etlt with its key")
      ->type_name("MODEL")
      ->required();
  app.add_option("-k,--key", options.key, "key of an .etlt")->type_name("KEY");
  app.add_option("--cal_cache_file", images.cal_cache_file, "calibration cache of this model")
      ->type_name("FILE");
  app.add_option("-o,--output", options.output, "model to write")->type_name("OUT.onnx");
  app.add_option("--precision,--explicit", precision, "int8, fp16, or int8_fp16")
      ->check(CLI::IsMember({"int8", "fp16", "int8_fp16"}))
      ->capture_default_str();
  app.add_option("--cal_image_dir", images.cal_image_dirs,
                 "images for bias correction and --rank; may be given several times")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->type_name("DIR");
  app.add_option("--cal_data_file", images.cal_data_file, "or a tensorfile of such images")
      ->type_name("FILE");
  app.add_option("--batches", images.batches, "batches of images")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--batch_size", images.batch_size, "images a batch")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--seed", images.seed, "draws the images")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--bias_correction", bias_correction,
                 "give biases what INT8 moves the means by (default: on where images are named)")
      ->check(CLI::IsMember({"on", "off"}));
  app.add_flag("--rank", options.rank, "the layers by their INT8 error, measured on the images, worst first");
  add_input_flags(app, input);
  app.add_option("--threads", images.threads,
                 "CPU threads (0: one a core); never changes a byte of any output")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_flag("--force", images.force, "replace a file that exists");
  app.add_flag("--json", json, "one JSON document on stdout");
  app.add_flag("-v,--verbose", verbose, "say more");
  app.footer(
      "Examples:\n"
      "  etalon quantize model.onnx --cal_cache_file cal.bin -o model.int8.onnx\n"
      "  etalon quantize model.onnx --cal_cache_file cal.bin -o model.int8.onnx --cal_image_dir images "
      "--rank\n"
      "  etalon quantize model.etlt -k KEY --cal_cache_file cal.bin -o model.int8_fp16.onnx --precision "
      "int8_fp16");
  if (const auto done = parse_flags(app, std::move(words))) return *done;
  return run_verb(json, [&]() -> Json {
    Console console({.verbose = verbose, .progress_allowed = !json, .log_file = std::nullopt});
    options.input = input_options(app, input);
    options.precision = parse_explicit_precision(precision);
    if (!bias_correction.empty()) options.bias_correction = bias_correction == "on";
    return document_of(quantize_onnx(options, console, console), json);
  });
}

}  // namespace etalon
