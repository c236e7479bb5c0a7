// A TensorFlow checkpoint (V2, "tensor bundle"): named variables, in a ZIP as TAO keeps Mask R-CNN's models,
// or bare in a folder.
//
//   const TfCheckpoint trained = read_tf_checkpoint("model.epoch-10.tlt");
//   const CheckpointVariable* kernel = trained.find("conv1/kernel");
//   ByteView little_endian_floats = trained.bytes(*kernel);
//   std::uint64_t numbers = number_count(kernel->shape);
//
// docs/formats/tf_checkpoint.md has the layout.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/base/bytes.hpp"

namespace etalon {

// TensorFlow's DataType numbers (tensorflow/core/framework/types.proto). All that have a fixed size and can
// be a variable, and strings.
enum class CheckpointType : std::uint32_t {
  kFloat32 = 1,
  kFloat64 = 2,
  kInt32 = 3,
  kUint8 = 4,
  kInt16 = 5,
  kInt8 = 6,
  kString = 7,
  kComplex64 = 8,
  kInt64 = 9,
  kBool = 10,
  kBfloat16 = 14,
  kUint16 = 17,
  kComplex128 = 18,
  kFloat16 = 19,
  kUint32 = 22,
  kUint64 = 23,
};

std::string_view checkpoint_type_name(CheckpointType type);  // "float32"

struct CheckpointVariable {
  std::string name;
  CheckpointType type = CheckpointType::kFloat32;
  std::vector<std::int64_t> shape;  // row-major; a scalar has no dimension
  std::uint32_t shard = 0;
  std::uint64_t offset = 0, size_bytes = 0;  // in its shard
  std::uint32_t masked_crc = 0;
  bool is_partitioned = false;  // its numbers stand in pieces, which are not read
};

// How many numbers an array of this shape has: 1 for a scalar; a side below zero, which no variable that was
// read has, counts as none. Nor has one of those more than kMostNumbers, a terabyte of bytes, so that sums of
// such counts and products with a type's size stay far below 2^64. Error (kBadInput), without the variable's
// name: more than that.
inline constexpr std::uint64_t kMostNumbers = std::uint64_t{1} << 40;
std::uint64_t number_count(const std::vector<std::int64_t>& shape);

class TfCheckpoint {
 public:
  std::string stem;                           // "model.ckpt-10", "pruned.ckpt"
  std::vector<CheckpointVariable> variables;  // sorted by name; optimizer slots (.../Momentum) included

  const CheckpointVariable* find(std::string_view name) const;  // nullptr: not there
  // The variable's numbers, little-endian, row-major, checked against its CRC-32C (each time, about 2 GB/s);
  // valid as long as this object or a copy of it. May be called from several threads. Errors, the variable
  // named: kBadInput: the CRC differs; kUnsupported: a string or a partitioned variable.
  ByteView bytes(const CheckpointVariable& variable) const;

  std::shared_ptr<const void> storage;  // what the views point into
  std::vector<ByteView> shards;
};

// Reads the index (its CRCs checked) and checks that all variables lie in the shards that are there, by
// themselves and as large as their shapes; no variable's numbers are looked at. A ZIP or a folder may hold
// one checkpoint: it is found by its members' names, the file `checkpoint` in it is not read. A folder's
// "model.ckpt-10.index" is that one checkpoint, whatever else lies there. Files are mapped (base/file.hpp),
// which costs no memory of ours. Errors name the member or the variable; the path is for the caller to add
// (only base/file.hpp's name it): kBadInput and kUnsupported as docs/formats/tf_checkpoint.md, "Refused",
// lists.
TfCheckpoint read_tf_checkpoint(const std::filesystem::path& zip_or_folder_or_index);
TfCheckpoint read_tf_checkpoint(Bytes zip);  // of a ZIP that was encrypted

// Whether a folder holds a file that ends in ".index".
bool looks_like_tf_checkpoint_folder(const std::filesystem::path& path);

// Whether it is a regular file that ends in ".index" and in the mark of a checkpoint's index.
bool looks_like_tf_checkpoint_index(const std::filesystem::path& path);

}  // namespace etalon
