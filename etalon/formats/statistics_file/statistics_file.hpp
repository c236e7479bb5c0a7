// Calibration statistics in a file of our own: what one run, or one part of it, counted of every tensor.
// Parts of a run merge to what the whole run would have counted, and ranges can be chosen again without
// computing the network.
//
//   89 "ETST" 0d 0a 1a | u32 version | sections "run ", "fact", "tens" | u32 CRC-32C
//   a section: its name | u32 length | content
//
//   sink.write(format_statistics(file));
//   const StatisticsFile again = parse_statistics(read_file("part0.stats"));
//
// docs/formats/statistics_file.md has every byte, docs/statistics.md what the numbers mean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "etalon/base/bytes.hpp"

namespace etalon {

struct StoredStatistics {  // of one tensor
  std::string tensor;      // its name, 1 to 4096 bytes
  std::uint64_t values = 0, nans = 0, infinities = 0;
  std::uint32_t max_bits = 0;  // bit pattern of the largest finite |x|; 0 if there is none
  // The upper half of |x| as a float32, and how many such values there were: ascending keys below 0x7f80,
  // counts above 0.
  std::vector<std::pair<std::uint16_t, std::uint64_t>> buckets;

  bool operator==(const StoredStatistics&) const = default;
};

struct StatisticsFile {
  // Digests, 32 hexadecimal digits (base/digest.hpp). `run`: of all that makes two runs the same: model,
  // images in the order of the draw, preprocessing, precision. `model`: of the network alone.
  std::string run, model;
  std::uint64_t shard = 0, shards = 1;        // this is part `shard`, from 0, of `shards`
  std::uint64_t images = 0, images_done = 0;  // of this part; done < images: interrupted, can be resumed
  // For people, in their order: "source", "precision", ...
  std::vector<std::pair<std::string, std::string>> facts;
  std::vector<StoredStatistics> tensors;  // sorted by name (bytes), no name twice

  bool operator==(const StatisticsFile&) const = default;
};

inline constexpr std::uint64_t kMostStatisticsBytes = std::uint64_t{256} << 20;  // a ResNet-18: 0.3 MB
inline constexpr std::uint64_t kMostTensors = 100'000;
inline constexpr std::uint64_t kMostTensorNameBytes = 4096;
inline constexpr std::uint64_t kMostFacts = 1000;
inline constexpr std::uint64_t kMostFactBytes = 65536;  // of a key, and of a text

// A file has exactly one form: format(parse(x)) == x. Errors (kBadInput): the struct breaks a rule above, or
// one of those of parse_statistics.
std::string format_statistics(const StatisticsFile& file);

// Errors: kUnsupported: a newer version. kBadInput: another format; a checksum that does not fit (one turned
// bit, a file cut off); what no writer of ours makes: lengths and counts beyond the limits or the file, bytes
// left over, buckets, NaNs and infinities that are not `values` together, max_bits outside the last bucket,
// shard >= shards, images_done > images, names out of order, a number that is not written the shortest way.
StatisticsFile parse_statistics(ByteView bytes);

bool looks_like_statistics(ByteView head);  // the first 8 bytes

}  // namespace etalon
