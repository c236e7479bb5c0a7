// Statistics on disk: what makes two runs the same, the parts of a run, and their sum.
//
//   Digest of a run: model, images in drawn order, preparation, precision. Parts of one run differ in `shard` alone.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "etalon/calibration/calibration_images.hpp"
#include "etalon/calibration/collect.hpp"
#include "etalon/calibration/shard.hpp"
#include "etalon/formats/statistics_file/statistics_file.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

// A digest of what the network computes: nodes, weights, names and sizes of inputs and outputs but for the batch.
// Metadata and whatever else bears on no number is left out.
std::string network_identity(const ModelProto& model);

struct RunIdentity {
  std::string run, model;  // digests
};
RunIdentity run_identity(const ModelProto& model, const CalibrationImages& images, const CollectOptions& options);

// Errors name the file.
StatisticsFile read_statistics(const std::filesystem::path& path);

// `facts` are for people.
StatisticsFile statistics_file(const CountedStatistics& counted, const RunIdentity& identity, Shard shard,
                               std::uint64_t images, std::vector<std::pair<std::string, std::string>> facts);
CountedStatistics counted_statistics(const StatisticsFile& file);

// Error (kBadInput) with what differs, unless the file is of this part of this run.
void check_is_of_run(const StatisticsFile& file, const RunIdentity& identity, Shard shard, std::uint64_t images);

struct NamedStatistics {
  std::filesystem::path path;
  StatisticsFile file;
};
// The whole run from its parts, in any order. Errors (kBadInput, file named): a part of another run, of another split
// or another network, a part twice, interrupted, missing.
StatisticsFile merge_statistics(std::span<const NamedStatistics> parts);

}  // namespace etalon
