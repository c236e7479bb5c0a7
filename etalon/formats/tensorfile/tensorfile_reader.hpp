// Reads tensorfiles (tensorfile_layout.hpp), batch by batch: memory holds one batch here and one in the
// process that has the HDF5 library (hdf5/own_process.hpp says why), which unpacks the next while this one is
// used.
//
//   const TensorfileFacts facts = read_tensorfile_facts("cal.tensor");
//   TensorfileReader reader("cal.tensor", 0, facts.batches);
//   for (std::uint64_t i = 0; i < facts.batches; ++i) use(reader.next());
//
// Read are float16, float32 and float64 of either byte order, in any chunks, through every filter that this
// HDF5 has, and contiguous. Errors name the group; the caller adds the file's name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "etalon/formats/float_array.hpp"

namespace etalon {

class OwnProcess;

// What the file's structure says; no batch is read.
struct TensorfileFacts {
  std::uint64_t batches = 0;  // groups _tensorfile_array_key__0, 1, ... without a gap; at least 1
  // The root's attribute, as found. Reading goes by the groups, as NVIDIA's does.
  std::optional<std::int64_t> count;
  std::vector<std::int64_t> shape;  // of the first batch, (images, channels, height, width), all at least 1
  std::string element_type;         // of the first batch: "float16", "float32", "float64"
  std::string storage;              // of the first batch: "gzip 4, chunks 1x1x24x80", "contiguous", ...
  // The names of the first batch's images in its order, not escaped; empty if the file does not say.
  std::vector<std::string> images;
};

// Errors, kBadInput: not HDF5, cut off, damaged, no batch, no four axes. kUnsupported: a dictionary instead
// of an array, other numbers than floats, a filter that this HDF5 lacks, a batch above
// kMostTensorfileBatchBytes.
TensorfileFacts read_tensorfile_facts(const std::filesystem::path& path);

// Batches [first, first + count) in order. Starts its process at once, with a copy of this program's memory:
// make it before other things become large. Used by one thread at a time, which may change.
class TensorfileReader {
 public:
  // Error: no file that could be one.
  TensorfileReader(const std::filesystem::path& path, std::uint64_t first, std::uint64_t count);
  ~TensorfileReader();
  TensorfileReader(TensorfileReader&&) noexcept;
  TensorfileReader& operator=(TensorfileReader&&) noexcept;

  // The next batch with all of its rows, (images, channels, height, width). Values are not checked: they may
  // be NaN, and Inf where a float64 is beyond float32. Errors as read_tensorfile_facts; kBadInput too: the
  // batch is missing, has no data, other channels, height or width than the first batch of the file. Asked
  // more than `count` times: kInternal.
  FloatArray next();

 private:
  std::unique_ptr<OwnProcess> process_;
  std::uint64_t left_;
  std::vector<std::int64_t> image_shape_;  // channels, height, width; empty before the first batch
};

// Whether the file is HDF5 and its root has _tensorfile_array_key__0: tells it from a Keras model. False also
// for what cannot be read: whoever reads it as something else will say why.
bool looks_like_tensorfile(const std::filesystem::path& path);

}  // namespace etalon
