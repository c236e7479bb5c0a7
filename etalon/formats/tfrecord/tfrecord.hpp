// TFRecord files: runs of bytes with a length and two checksums each, and the tf.train.Example that they
// mostly are. A record is, little endian:
//
//   u64 length | u32 masked CRC-32C of the length | data | u32 masked CRC-32C of the data
//
//   read_tfrecords("fold-000-of-002-shard-00000-of-00001", [&](std::uint64_t number, ByteView record) {
//     const auto features = parse_tf_example(record);
//   });
//
// docs/formats/tfrecord.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "etalon/base/bytes.hpp"

namespace etalon {

inline constexpr std::uint64_t kMostRecordBytes = std::uint64_t{1} << 30;
// What an Example may have: a detector's frame has some KB, Mask R-CNN's also a picture and a mask for each
// object. Of what is not a long text, at most kMostShortBytes, for it takes up to 43 times as much in
// memory (measured: empty texts); texts of at least kLongTextBytes are only copied. All together
// kMostExampleBytes, a PNG of 89 Mpixel that is not packed.
inline constexpr std::uint64_t kMostShortBytes = std::uint64_t{16} << 20;
inline constexpr std::uint64_t kLongTextBytes = std::uint64_t{4} << 10;
inline constexpr std::uint64_t kMostExampleBytes = std::uint64_t{256} << 20;

// Calls `take` for each record in order; `number` counts from 0, `record` lives as long as the call. Both
// checksums of every record are checked before it is handed out. Holds one record at a time, not the file. No
// bytes, no records. Errors, with the record's number, its offset in the file and the path as places (those
// that leave `take` too): kBadInput: no regular file, a Git LFS pointer, a CRC that does not fit, cut off, a
// length larger than the rest of the file or than kMostRecordBytes.
void read_tfrecords(const std::filesystem::path& path,
                    const std::function<void(std::uint64_t number, ByteView record)>& take);

// Where the records of a file begin. Reads their lengths and the checksums of these, not what lies between: a
// file of many GB costs little. `visit` may throw to give up. Errors as read_tfrecords, but for the data.
void list_tfrecords(const std::filesystem::path& path,
                    const std::function<void(std::uint64_t number, std::uint64_t offset)>& visit);

// The one record that begins at `offset`, both checksums checked. `number` is for messages alone. Errors as
// read_tfrecords.
Bytes read_tfrecord(const std::filesystem::path& path, std::uint64_t number, std::uint64_t offset);

// Whether a file's first bytes (12 of them) are a length and its checksum: by chance one in 2^32.
bool looks_like_tfrecord(ByteView head);

// The values of one feature; monostate: none of the three kinds is set.
struct TfFeature {
  std::variant<std::monostate, std::vector<std::string>, std::vector<float>, std::vector<std::int64_t>>
      values;
};

// By name. Unknown fields are ignored; of two features with one name the later counts. Errors (kBadInput): no
// protobuf message of this kind, no features, above the limits above.
std::map<std::string, TfFeature> parse_tf_example(ByteView record);

}  // namespace etalon
