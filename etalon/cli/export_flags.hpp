// The flags of every network's `export`, and its run: a network adds what is its own and names its use case.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "etalon/cli/calibration_flags.hpp"
#include "etalon/cli/engine_flags.hpp"
#include "etalon/cli/tao_task.hpp"
#include "etalon/pipeline/export_network.hpp"

namespace etalon {

// The flags as they stand on the command line; `run_export` makes options of them.
struct ExportFlags {
  CommonFlags common;
  ExportOptions options;
  CalibrationFlags calibration;
  std::string experiment_spec, output_file;
  std::string data_type = "fp32", tensor_names = "plain", onnx_route;
  std::vector<std::string> explicit_precisions;
  std::string bias_correction;  // "on", "off"; empty: not given
  std::string balance_channels = "on";
  EngineFlags engine;
  std::int64_t static_batch_size = -1, target_opset = 13;
};

// All flags of TAO's parser, which is one for all networks, and etalon's own; --model and --experiment_spec
// with the network's help texts.
void add_export_flags(CLI::App& app, ExportFlags& flags, const std::string& model_help,
                      const std::string& spec_help);

// Parses `words` and runs `export_it` as a TAO task. `say` has a line for each flag that is special to the
// network and changes nothing; what changes nothing in any network is said here. Returns the exit status.
int run_export(
    CLI::App& app, ExportFlags& flags, std::vector<std::string> words, const std::function<void(Log&)>& say,
    const std::function<ExportResult(const ExportOptions&, Log&, Progress&, StatusLog&)>& export_it);

}  // namespace etalon
