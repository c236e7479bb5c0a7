// What an export is asked to do. Names follow TAO's flags; defaults are the seed document's
// (docs/decisions.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "etalon/networks/plugins.hpp"
#include "etalon/networks/tensor_names.hpp"
#include "etalon/pipeline/build_engine.hpp"
#include "etalon/pipeline/calibration.hpp"
#include "etalon/pipeline/explicit_models.hpp"

namespace etalon {

enum class DataType { kFp32, kFp16, kInt8 };

struct ExportOptions {
  std::filesystem::path model;
  std::string key;
  std::optional<std::filesystem::path> experiment_spec;
  std::optional<std::filesystem::path> output_file;
  DataType data_type = DataType::kFp32;
  bool gen_ds_config = false;

  CalibrationOptions calibration;  // its `force` is for all outputs
  bool force_ptq = false;          // calibrate a quantisation-aware model as if it were none
  std::filesystem::path cal_json_file;
  std::vector<ExplicitPrecision> explicit_precisions;  // without doubles
  std::optional<bool> bias_correction;                 // else: on for explicit INT8, off for the cache alone
  bool balance_channels = true;                        // for explicit INT8 (pipeline/best_explicit.hpp)
  std::filesystem::path report;                        // HTML; empty: none
  EngineOptions engine;                                // engine_file empty: none is built
  std::optional<std::int64_t> static_batch_size;       // else the batch is dynamic
  Plugins plugins = Plugins::kTensorrt;                // of networks that have such stages
  TensorNames tensor_names = TensorNames::kPlain;
  bool repair_padding = false;  // of an exported model (onnx/padding_fault.hpp)
};

}  // namespace etalon
