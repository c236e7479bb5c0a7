// What an export is asked to do. Names follow TAO's flags; defaults are the seed document's
// (docs/decisions.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "etalon/networks/plugins.hpp"
#include "etalon/networks/tensor_names.hpp"
#include "etalon/pipeline/calibration.hpp"

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
  std::filesystem::path cal_json_file;
  std::filesystem::path engine_file;
  std::optional<std::int64_t> static_batch_size;  // else the batch is dynamic
  Plugins plugins = Plugins::kTensorrt;           // of networks that have such stages
  TensorNames tensor_names = TensorNames::kPlain;
};

}  // namespace etalon
