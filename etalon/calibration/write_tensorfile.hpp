// Calibration images into a tensorfile: decoded and compressed on all threads, written in order.
#pragma once

#include <cstdint>
#include <filesystem>

#include "etalon/base/log.hpp"
#include "etalon/calibration/calibration_images.hpp"
#include "etalon/formats/tensorfile/tensorfile_writer.hpp"
#include "etalon/images/preprocess.hpp"

namespace etalon {

// Batches of `batch_size` images, in the images' order; images.count() is a multiple of it. Into a file that
// exists and may be written (OutputFiles::stage_file). The file is NCHW, whatever the images' `layout`. The
// same bytes for any number of threads. Errors: kUnsupported: a batch larger than kMostTensorfileBatchBytes;
// those of loading and writing.
void write_tensorfile(const std::filesystem::path& file, const CalibrationImages& images,
                      std::uint64_t batch_size, const InputSize& size, Layout layout, TensorfileType type,
                      int threads, Progress& progress);

}  // namespace etalon
