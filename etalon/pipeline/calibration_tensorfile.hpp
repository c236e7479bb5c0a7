// `etalon detectnet_v2 calibration_tensorfile`: batches of a specification's data loader, kept for later
// calibrations.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "etalon/base/file.hpp"
#include "etalon/base/log.hpp"

namespace etalon {

struct TensorfileOptions {
  std::filesystem::path experiment_spec, output;
  std::int64_t max_batches = -1;  // -1: as many as there are images for
  bool use_validation_set = false;
  std::filesystem::path data_root;  // where the specification's relative paths begin
  int threads = 0;
  bool force = false;
};

struct TensorfileResult {
  OutputFiles::Written written;
  std::uint64_t batches = 0, batch_size = 0;
  std::vector<std::string> images;  // in order
};

// float32 batches of training_config.batch_size_per_gpu images. The training set comes in an order that
// random_seed decides, the validation set in its own. Errors: those of the specification and of the loader
// (file named), more batches than there are images for.
TensorfileResult write_calibration_tensorfile(const TensorfileOptions& options, Log& log, Progress& progress);

}  // namespace etalon
