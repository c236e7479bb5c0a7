#include <CLI/CLI.hpp>

#include "etalon/cli/calibration_flags.hpp"
#include "etalon/cli/engine_flags.hpp"
#include "etalon/cli/tao_task.hpp"
#include "etalon/cli/verbs.hpp"
#include "etalon/pipeline/build_engine.hpp"

namespace etalon {

using Json = nlohmann::ordered_json;

int build_command(std::vector<std::string> words) {
  CLI::App app("An engine from an ONNX model, by TensorRT, TensorRT for RTX or OpenVINO.", "etalon build");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  BuildOptions options;
  EngineFlags flags;
  std::string output, cache, data_type = "fp32";
  bool json = false, verbose = false;
  app.add_option("model", options.model, "ONNX model, plain or explicit, or an .etlt with its key")
      ->type_name("MODEL")
      ->required();
  app.add_option("-k,--key", options.key, "key of an .etlt")->type_name("KEY");
  app.add_option("-o,--output,--engine_file", output, "engine to write")->type_name("FILE")->required();
  app.add_option("--data_type", data_type,
                 "of a plain model with TensorRT 8 to 10: fp32, fp16, int8 (needs --cal_cache_file). An "
                 "explicit model "
                 "says it itself")
      ->check(CLI::IsMember({"fp32", "fp16", "int8"}))
      ->capture_default_str();
  app.add_option("--cal_cache_file", cache, "calibration cache of a plain model, of any TensorRT version")
      ->type_name("FILE");
  add_engine_flags(app, flags);
  app.add_flag("--force", options.engine.force, "replace an engine that exists");
  app.add_flag("--json", json, "one JSON document on stdout");
  app.add_flag("-v,--verbose", verbose, "say more: the builder's own words too");
  app.footer(
      "The trtexec line for the same engine is said in any case. docs/engines.md tells the backends apart.\n"
      "Examples:\n"
      "  etalon build model.int8.onnx -o model.engine\n"
      "  etalon build model.onnx -o model.engine --data_type int8 --cal_cache_file cal.bin --max_batch_size "
      "8\n"
      "  etalon build model.int8.onnx -o model.engine --engine_backend tensorrt_rtx --compute_capability "
      "8.6,12.0");
  if (const auto done = parse_flags(app, std::move(words))) return *done;
  return run_verb(json, [&]() -> Json {
    Console console({.verbose = verbose, .progress_allowed = !json, .log_file = std::nullopt});
    options.engine.engine_file = output;
    options.engine.precision = parse_precision(data_type);
    set_engine_options(flags, options.engine);
    if (!cache.empty()) options.cal_cache_file = cache;
    const BuildResult result = build_engine_file(options, console, console);
    Json document{{"version", 1},
                  {"backend", engine_backend_name(result.engine.backend)},
                  {"builder", result.engine.builder_version}};
    if (!result.engine.compute_capabilities.empty())
      document["compute_capabilities"] = result.engine.compute_capabilities;
    if (!result.trtexec.empty()) document["trtexec"] = result.trtexec;
    document["messages"] = result.engine.messages;
    document["written"] = written_rows(result.written);
    return document;
  });
}

int openvino_worker_command(std::vector<std::string>) { return run_openvino_worker(); }

}  // namespace etalon
