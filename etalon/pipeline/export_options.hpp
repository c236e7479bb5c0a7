// What an export is asked to do. Names follow TAO's flags; defaults are the seed document's
// (docs/decisions.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "etalon/calibration/ranges.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/networks/tensor_names.hpp"

namespace etalon {

enum class DataType { kFp32, kFp16, kInt8 };

struct ExportOptions {
  std::filesystem::path model;
  std::string key;
  std::optional<std::filesystem::path> experiment_spec;
  std::optional<std::filesystem::path> output_file;
  DataType data_type = DataType::kFp32;
  bool gen_ds_config = false;

  std::filesystem::path cal_image_dir;  // empty: not given
  std::filesystem::path cal_data_file;
  std::filesystem::path cal_cache_file = "./cal.bin";
  std::uint64_t batches = 10;
  std::uint64_t batch_size = 8;
  std::filesystem::path cal_json_file;
  std::filesystem::path engine_file;
  std::optional<std::int64_t> static_batch_size;  // else the batch is dynamic

  std::uint64_t seed = 42;
  int threads = 0;  // 0: one a core
  bool force = false;
  TensorNames tensor_names = TensorNames::kPlain;
  TensorRtVersion trt_version;
  Calibrator calibrator = Calibrator::kEntropy;
};

}  // namespace etalon
