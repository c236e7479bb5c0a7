// Calibration images from a tensorfile (`--cal_data_file`): batches of numbers that are the network's input
// already.
#pragma once

#include <cstdint>
#include <filesystem>

#include "etalon/calibration/calibration_images.hpp"
#include "etalon/images/preprocess.hpp"

namespace etalon {

// The first `batch_size` rows of each of the first `batches` stored batches, as TAO's calibrator takes them;
// the rest is not read. A tensorfile is always NCHW; `layout` is the network's. Errors (kBadInput, file
// named): batches of another shape than [n, channels, height, width], fewer batches than asked for, fewer
// rows in a batch than `batch_size`; on loading, NaN or infinite numbers.
CalibrationImages images_from_tensorfile(const std::filesystem::path& file, std::uint64_t batches,
                                         std::uint64_t batch_size, const InputSize& size, Layout layout);

}  // namespace etalon
