#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "etalon/cli/calibration_flags.hpp"
#include "etalon/cli/tao_task.hpp"
#include "etalon/cli/verbs.hpp"
#include "etalon/pipeline/calibrate_onnx.hpp"
#include "etalon/pipeline/merge_calibration.hpp"
#include "etalon/pipeline/quantize_onnx.hpp"
#include "etalon/pipeline/relabel_cache.hpp"

namespace etalon {
namespace {

using Json = nlohmann::ordered_json;

struct TalkFlags {
  bool json = false, verbose = false;
  void add(CLI::App& app) {
    app.add_flag("--json", json, "one JSON document on stdout");
    app.add_flag("-v,--verbose", verbose, "say more");
  }
  ConsoleOptions console() const {
    return {.verbose = verbose, .progress_allowed = !json, .log_file = std::nullopt};
  }
};

int calibrate_model(std::vector<std::string> words) {
  CLI::App app("An INT8 calibration cache for any ONNX model of images.", "etalon calibrate");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  CalibrateOptions options;
  CalibrationFlags flags;
  TalkFlags talk;
  InputFlags input;
  app.add_option("model", options.model, "ONNX model, or an .etlt with its key")
      ->type_name("MODEL")
      ->required();
  app.add_option("-k,--key", options.key, "key of an .etlt")->type_name("KEY");
  add_calibration_flags(app, flags);
  add_input_flags(app, input);
  talk.add(app);
  app.footer(
      "What is not given comes from the metadata that etalon's export writes, else RGB, nchw, mean 0, scale "
      "1/255.\n"
      "Examples:\n"
      "  etalon calibrate model.onnx --cal_image_dir images --cal_cache_file cal.bin\n"
      "  etalon calibrate resnet50.onnx --cal_image_dir images --mean 123.675,116.28,103.53 --scale "
      "0.0171247\n"
      "  etalon calibrate model.onnx --cal_image_dir images --statistics 0.stats --shard 0/4\n"
      "  etalon calibrate merge 0.stats 1.stats 2.stats 3.stats --model model.onnx -o cal.bin\n"
      "  etalon calibrate relabel cal.bin --trt_version 10.3.0 -o cal_trt10.bin\n"
      "  etalon calibrate extract model.int8.onnx -o cal.bin");
  if (const auto done = parse_flags(app, std::move(words))) return *done;
  options.input = input_options(app, input);
  return run_verb(talk.json, [&]() -> Json {
    Console console(talk.console());
    options.calibration = calibration_options(flags);
    note_unused_range_flags(app, flags.ranges, console);
    const CalibrateResult result = calibrate_onnx(options, console, console);
    Json document{{"version", 1},
                  {"written", written_rows(result.written)},
                  {"images", result.calibration.images.size()},
                  {"lines", result.calibration.cache.lines.size()}};
    if (talk.json && !result.calibration.chosen.empty())
      document["ranges"] = range_rows(result.calibration.chosen);
    return document;
  });
}

int merge(std::vector<std::string> words) {
  CLI::App app(
      "The cache of a run from the statistics of its parts, or ranges chosen anew from those of a whole run.",
      "etalon calibrate merge");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  MergeOptions options;
  RangeFlags ranges;
  TalkFlags talk;
  std::string output, statistics;
  app.add_option("statistics", options.statistics, "statistics of every part, in any order")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("FILE ...")
      ->required();
  app.add_option("-m,--model", options.model, "the ONNX that was calibrated")->type_name("FILE")->required();
  app.add_option("-o,--output,--cal_cache_file", output, "calibration cache to write")->type_name("FILE");
  app.add_option("--statistics", statistics, "write the whole run's statistics too")->type_name("FILE");
  add_range_flags(app, ranges);
  app.add_flag("--force", options.force, "replace files that exist");
  talk.add(app);
  app.footer(
      "Examples:\n"
      "  etalon calibrate merge 0.stats 1.stats 2.stats --model model.onnx -o cal.bin\n"
      "  etalon calibrate merge whole.stats --model model.onnx -o cal.bin --calibrator mse");
  if (const auto done = parse_flags(app, std::move(words))) return *done;
  if (!output.empty()) options.cal_cache_file = output;
  if (!statistics.empty()) options.merged_statistics = statistics;
  return run_verb(talk.json, [&]() -> Json {
    Console console(talk.console());
    options.rule = range_rule(ranges);
    note_unused_range_flags(app, ranges, console);
    options.trt_version = parse_tensorrt_version(ranges.trt_version);
    const MergeResult result = merge_calibration(options, console);
    Json document{{"version", 1},
                  {"written", written_rows(result.written)},
                  {"parts", options.statistics.size()},
                  {"images", result.images},
                  {"lines", result.cache_lines}};
    if (talk.json && !result.chosen.empty()) document["ranges"] = range_rows(result.chosen);
    return document;
  });
}

int relabel(std::vector<std::string> words) {
  CLI::App app("A calibration cache under the header of another TensorRT.", "etalon calibrate relabel");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  RelabelOptions options;
  TalkFlags talk;
  std::string version;
  app.add_option("cache", options.cache, "calibration cache")->type_name("CACHE")->required();
  app.add_option("--trt_version", version, "TensorRT that shall read it")->type_name("X.Y.Z")->required();
  app.add_option("-o,--output", options.output, "cache to write")->type_name("FILE")->required();
  app.add_flag("--force", options.force, "replace a file that exists");
  talk.add(app);
  app.footer("Example:\n  etalon calibrate relabel cal.bin --trt_version 10.3.0 -o cal_trt10.bin");
  if (const auto done = parse_flags(app, std::move(words))) return *done;
  return run_verb(talk.json, [&]() -> Json {
    Console console(talk.console());
    options.trt_version = parse_tensorrt_version(version);
    const RelabelResult result = relabel_cache(options, console);
    return {{"version", 1},
            {"was", result.old_header},
            {"header", result.new_header},
            {"written", written_rows({result.written})}};
  });
}

int extract(std::vector<std::string> words) {
  CLI::App app("The calibration cache of an explicitly quantised ONNX model.", "etalon calibrate extract");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  ExtractOptions options;
  TalkFlags talk;
  std::string version = "8.6.1";
  app.add_option("model", options.model, "ONNX model with QuantizeLinear nodes")
      ->type_name("MODEL")
      ->required();
  app.add_option("-k,--key", options.key, "key of an .etlt")->type_name("KEY");
  app.add_option("-o,--output,--cal_cache_file", options.output, "cache to write")
      ->type_name("FILE")
      ->required();
  app.add_option("--trt_version", version, "TensorRT whose header the cache bears")
      ->type_name("X.Y.Z")
      ->capture_default_str();
  app.add_flag("--force", options.force, "replace a file that exists");
  talk.add(app);
  app.footer("Example:\n  etalon calibrate extract model.int8.onnx -o cal.bin --trt_version 10.3.0");
  if (const auto done = parse_flags(app, std::move(words))) return *done;
  return run_verb(talk.json, [&]() -> Json {
    Console console(talk.console());
    options.trt_version = parse_tensorrt_version(version);
    const ExtractResult result = extract_cache(options, console);
    return {{"version", 1}, {"lines", result.lines}, {"written", written_rows({result.written})}};
  });
}

}  // namespace

int calibrate_command(std::vector<std::string> words) {
  struct Form {
    std::string_view word;
    int (*run)(std::vector<std::string>);
  };
  constexpr Form kForms[] = {{"extract", extract}, {"merge", merge}, {"relabel", relabel}};
  for (const auto& [word, run] : kForms)
    if (!words.empty() && words.front() == word) return run({words.begin() + 1, words.end()});
  return calibrate_model(std::move(words));
}

}  // namespace etalon
