// Writes tensorfiles (tensorfile_layout.hpp) that NVIDIA's readers and h5py take. Packing is where the time
// goes, and needs no HDF5: pack the images on many threads, then hand the batches over in order.
//
//   packed[i] = pack_image(values, TensorfileType::kFloat64);   // on any thread
//   outputs.stage_file("cal.tensor", IfExists::kRefuse, 0644, [&](const std::filesystem::path& writable) {
//     TensorfileWriter writer(writable, {3, 544, 960}, TensorfileType::kFloat64);
//     for (...) writer.write_batch(packed, names);
//     writer.finish();
//   });
//
// The HDF5 library is not thread safe: one writer at a time in this program, and no reader is made while it
// works. Same images in the same order, same bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "etalon/base/bytes.hpp"

namespace etalon {

// TAO: float64 from export's image folder, float32 from calibration_tensorfile. Both hold float32 numbers.
enum class TensorfileType { kFloat32, kFloat64 };

// One image, as its chunk stands in the file: the numbers little-endian, in zlib's format at level 4, h5py's
// default.
struct PackedImage {
  Bytes bytes;
  std::uint64_t unpacked_bytes = 0;
};

// `values_chw`: row-major (channels, height, width). May be called from many threads.
PackedImage pack_image(std::span<const float> values_chw, TensorfileType type);

class TensorfileWriter {
 public:
  // `writable_file`: made anew, or emptied if it is there. Error kUnsupported: an image of more than 2^27
  // numbers, 1 GiB as float64, which is the largest chunk that is read here (HDF5's own limit is 4 GiB);
  // kEnvironment: it cannot be written.
  TensorfileWriter(const std::filesystem::path& writable_file, std::vector<std::int64_t> image_shape_chw,
                   TensorfileType type);
  ~TensorfileWriter();  // without finish(): closes what is there, which is not a whole tensorfile
  TensorfileWriter(const TensorfileWriter&) = delete;
  TensorfileWriter& operator=(const TensorfileWriter&) = delete;

  // One stored batch, the images and their names in its order. As in NVIDIA's writer all batches have as many
  // images as the first (kInternal if not). Errors: kUnsupported: a batch above kMostTensorfileBatchBytes;
  // kEnvironment: disk full.
  void write_batch(std::span<const PackedImage> images, std::span<const std::string> names);

  // Root attributes, and closes. At least one batch was written. Error kEnvironment: disk full.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace etalon
