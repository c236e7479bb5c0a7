#include "etalon/cli/engine_flags.hpp"

namespace etalon {

void add_engine_flags(CLI::App& app, EngineFlags& flags) {
  app.add_option("--engine_backend", flags.backend,
                 "auto (TensorRT, or an error), tensorrt, tensorrt_rtx, openvino")
      ->check(CLI::IsMember({"auto", "tensorrt", "tensorrt_rtx", "openvino"}))
      ->capture_default_str();
  app.add_option("--compute_capability", flags.compute_capability,
                 "GPUs that tensorrt_rtx builds for, none of which need be here (default " +
                     std::string(kUsualComputeCapabilities) + ")")
      ->type_name("8.6,12.0");
  app.add_option("--min_batch_size", flags.min_batch_size, "smallest batch, where the model leaves it open")
      ->capture_default_str();
  app.add_option("--opt_batch_size", flags.opt_batch_size, "the batch that it shall be fastest with")
      ->capture_default_str();
  app.add_option("--max_batch_size", flags.max_batch_size, "largest batch")->capture_default_str();
  app.add_option("--max_workspace_size", flags.max_workspace_size, "memory for the engine's layers, bytes")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 50))
      ->capture_default_str();
  app.add_option("--timing_cache", flags.timing_cache, "TensorRT's timings: read if it is there, and written")
      ->type_name("FILE");
  app.add_flag("--version_compatible", flags.version_compatible,
               "an engine that later versions of TensorRT load too (8.6 and later)");
  app.add_flag("-s,--strict_type_constraints", flags.strict_type_constraints,
               "INT8 from a cache: no FP16 beside it");
  app.add_option("--time_limit", flags.time_limit, "seconds after which the builder is stopped")
      ->check(CLI::Range(1, 604800))
      ->capture_default_str();
}

void set_engine_options(const EngineFlags& flags, EngineOptions& options) {
  options.backend = parse_engine_backend(flags.backend);
  options.compute_capabilities = parse_compute_capabilities(flags.compute_capability);
  options.profile = {flags.min_batch_size, flags.opt_batch_size, flags.max_batch_size};
  check_profile(options.profile);
  options.max_workspace_bytes = static_cast<std::uint64_t>(flags.max_workspace_size);
  if (!flags.timing_cache.empty()) options.timing_cache = flags.timing_cache;
  options.version_compatible = flags.version_compatible;
  options.strict_types = flags.strict_type_constraints;
  options.time_limit = std::chrono::seconds(flags.time_limit);
}

EnginePrecision parse_precision(std::string_view data_type) {
  return data_type == "int8"   ? EnginePrecision::kInt8
         : data_type == "fp16" ? EnginePrecision::kFp16
                               : EnginePrecision::kFp32;
}

}  // namespace etalon
