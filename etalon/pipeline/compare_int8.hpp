// `etalon detectnet_v2 compare`: how far INT8, simulated with a cache's ranges, is from FP32 on real images.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "etalon/base/file.hpp"
#include "etalon/base/log.hpp"

namespace etalon {

struct CompareOptions {
  std::filesystem::path model;  // ONNX of a DetectNet_v2
  std::filesystem::path cal_cache_file;
  std::filesystem::path image_dir;
  std::optional<std::filesystem::path> experiment_spec;  // clustering and class names for the picture
  std::optional<std::filesystem::path> picture;          // PNG to write
  std::optional<std::filesystem::path> picture_image;    // drawn; the folder's first image if not given
  int threads = 0;
  bool force = false;
};

struct CompareResult {
  std::uint64_t image_count = 0;
  std::uint64_t simulated_layers = 0;    // convolutions and matrix products that run on 8-bit grids
  std::uint64_t layers = 0;              // all of them
  std::map<std::string, double> snr_db;  // by output tensor
  std::map<std::string, std::size_t> detections_fp32, detections_int8;  // by class, on the drawn image
};

CompareResult compare_int8(const CompareOptions& options, Log& log, Progress& progress);

}  // namespace etalon
