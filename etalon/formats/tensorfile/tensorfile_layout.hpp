// NVIDIA's tensorfile: calibration batches in HDF5, made once and read by TAO's calibrators.
//
//   /                            attributes count (int64) and shape (int64[4], that of the first batch)
//   /_tensorfile_array_key__0    group: the first batch, and in it the dataset
//     /_tensorfile_array_key_    floats, (images, channels, height, width)
//   /_tensorfile_array_key__1    the second ...
//
// Details and evidence: docs/formats/tensorfile.md.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace etalon {

inline constexpr const char* kTensorfileArray = "_tensorfile_array_key_";
// Our attribute of a batch's group: the names of its images.
inline constexpr const char* kTensorfileImages = "images";

inline std::string tensorfile_group(std::uint64_t batch) {
  return fmt::format("{}_{}", kTensorfileArray, batch);
}

// How large a batch may be as float32, here to be read and to be written: 8 images of 3x2160x3840 are 0.8 GB.
inline constexpr std::uint64_t kMostTensorfileBatchBytes = std::uint64_t{1} << 30;

}  // namespace etalon
