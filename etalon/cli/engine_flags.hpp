// The flags of engines, the same words in `etalon build` and in an export.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "etalon/pipeline/build_engine.hpp"

namespace etalon {

// As they stand on the command line.
struct EngineFlags {
  std::string backend = "auto", compute_capability, timing_cache;
  std::int64_t min_batch_size = 1, opt_batch_size = 1, max_batch_size = 16;
  std::int64_t max_workspace_size = std::int64_t{1} << 30;
  std::int64_t time_limit = 3600;
  bool version_compatible = false, strict_type_constraints = false;
};

// Everything but the engine's own name, --data_type, --cal_cache_file and --force.
void add_engine_flags(CLI::App& app, EngineFlags& flags);

// Errors (kWrongUsage): a backend or a capability that is none, batch sizes in no order.
void set_engine_options(const EngineFlags& flags, EngineOptions& options);

EnginePrecision parse_precision(std::string_view data_type);  // fp32, fp16, int8

}  // namespace etalon
