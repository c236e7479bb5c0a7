// The flags of calibration, the same words in every verb that calibrates.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "etalon/pipeline/calibration.hpp"
#include "etalon/pipeline/onnx_input.hpp"

namespace etalon {

// How ranges are chosen and which TensorRT the cache is for.
struct RangeFlags {
  std::string calibrator = "entropy", trt_version = "8.6.1";
  RangeRule rule;
};
void add_range_flags(CLI::App& app, RangeFlags& flags);
RangeRule range_rule(const RangeFlags& flags);
// A line for a flag that was given and means nothing to the calibrator.
void note_unused_range_flags(const CLI::App& app, const RangeFlags& flags, Log& log);

// The flags as they stand on the command line; `calibration_options` is what they mean.
struct CalibrationFlags {
  CalibrationOptions options;
  RangeFlags ranges;
  std::string statistics, shard, precision = "f32";
};
// --force and --threads are among them.
void add_calibration_flags(CLI::App& app, CalibrationFlags& flags);
// Errors (kWrongUsage): a shard or a version that is none.
CalibrationOptions calibration_options(const CalibrationFlags& flags);

// How pictures become the input of any ONNX (pipeline/onnx_input.hpp).
struct InputFlags {
  OnnxInputOptions options;
  double scale = 0;
  std::string channel_order, layout;
};
void add_input_flags(CLI::App& app, InputFlags& flags);
OnnxInputOptions input_options(const CLI::App& app, const InputFlags& flags);

// Where an experiment specification's relative paths begin: the environment's DATA_BASE_PATH, else
// ~/datasets, as in TAO.
std::filesystem::path data_root();

// Rows of tensor, range and calibrator.
nlohmann::ordered_json range_rows(const std::map<std::string, ChosenRange>& chosen);

// Rows of path and size_bytes.
nlohmann::ordered_json written_rows(const std::vector<OutputFiles::Written>& files);

}  // namespace etalon
