// `etalon build MODEL.onnx`: an engine by an official builder. An export's --engine_file goes the same three
// steps.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "etalon/base/file.hpp"
#include "etalon/base/log.hpp"
#include "etalon/engine/engine.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"

namespace etalon {

struct EngineOptions {
  std::filesystem::path engine_file;
  EngineBackend backend = EngineBackend::kAuto;
  EnginePrecision precision = EnginePrecision::kFp32;
  BatchProfile profile;
  std::uint64_t max_workspace_bytes = std::uint64_t{1} << 30;
  std::optional<std::filesystem::path> timing_cache;  // read if it is there, written
  bool version_compatible = false, strict_types = false;
  std::vector<std::string> compute_capabilities;  // tensorrt_rtx; empty: kUsualComputeCapabilities
  std::chrono::seconds time_limit{3600};
  bool force = false;
};

// A model as it is handed over, with the name of the file that it is in or will be in.
struct ModelToBuild {
  std::filesystem::path name;
  EngineModel described;
  ByteView onnx;
  std::optional<std::filesystem::path> cache_name;
  std::optional<CalibrationCache> cache;  // taken by a builder of plain models with int8
};

struct EngineResult {
  EngineBackend backend;
  std::string builder_version;
  std::vector<std::string> compute_capabilities;
  double seconds = 0;
  std::vector<std::string> messages;  // the builder's warnings
};

// What can fail early: the builder is found, outputs are reserved, the timing cache is read.
struct EngineJob {
  EngineOptions options;
  EngineBuilder builder;
  Bytes timings;
};
EngineJob prepare_engine(const EngineOptions& options, OutputFiles& outputs, Log& log);

// Builds, and stages the engine and the timing cache. Errors as build_engine (engine.hpp), the model named.
EngineResult stage_engine(const EngineJob& job, const ModelToBuild& model, OutputFiles& outputs, Log& log,
                          Progress& progress);

// The trtexec command that builds the same on the target machine.
std::string trtexec_line(const EngineOptions& options, const ModelToBuild& model);

struct BuildOptions {
  std::filesystem::path model;  // .onnx, or .etlt with its key
  std::string key;
  std::optional<std::filesystem::path> cal_cache_file;
  EngineOptions engine;
};
struct BuildResult {
  EngineResult engine;
  std::string trtexec;  // empty for OpenVINO
  std::vector<OutputFiles::Written> written;
};
BuildResult build_engine_file(const BuildOptions& options, Log& log, Progress& progress);

// What the hidden verb does that etalon starts itself with to compile for OpenVINO. Returns the exit status.
int run_openvino_worker();

}  // namespace etalon
