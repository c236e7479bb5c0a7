// Statistics on disk: what makes two runs the same, the parts of a run, and their sum.
//
//   Digest of a run: model, images in drawn order, preparation, precision. Parts of one run differ in `shard`
//   alone.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "etalon/calibration/calibration_images.hpp"
#include "etalon/calibration/collect.hpp"
#include "etalon/calibration/shard.hpp"
#include "etalon/formats/statistics_file/statistics_file.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

// A digest of what the network computes: nodes and functions as they stand, weights, names, types and sizes
// of inputs and outputs but for the batch. The model's header, its metadata and documentation are left out.
std::string network_identity(const ModelProto& model);

struct RunIdentity {
  std::string run, model;  // digests
};
RunIdentity run_identity(const ModelProto& model, const CalibrationImages& images,
                         const CollectOptions& options);

// Errors name the file.
StatisticsFile read_statistics(const std::filesystem::path& path);

// `facts` are for people.
StatisticsFile statistics_file(const CountedStatistics& counted, const RunIdentity& identity, Shard shard,
                               std::uint64_t images, std::vector<std::pair<std::string, std::string>> facts);
CountedStatistics counted_statistics(const StatisticsFile& file);

// Error (kBadInput) with what differs, unless the file is of this part of this run and has all `tensors`, and
// no others.
void check_is_of_run(const StatisticsFile& file, const RunIdentity& identity, Shard shard,
                     std::uint64_t images, const std::vector<std::string>& tensors);

// The whole run from its parts, added in any order, one in memory at a time.
//
//   PartsOfRun parts(network_identity(model), activation_names(model.graph()));
//   for (const auto& path : paths) parts.add(path, read_statistics(path));
//   parts.whole()
class PartsOfRun {
 public:
  // `tensors`: those that a part may have statistics of.
  PartsOfRun(std::string network, const std::vector<std::string>& tensors);

  // Errors (kBadInput, the file named): counted on another network, of another run or another split than the
  // parts before, a part twice, interrupted, tensors that the network or the other parts do not have, NaN or
  // infinite values.
  void add(const std::filesystem::path& path, const StatisticsFile& part);

  // The same bytes for any order of the parts. Error (kBadInput): parts are missing.
  StatisticsFile whole() const;

 private:
  std::string network_, run_;
  std::set<std::string, std::less<>> known_;
  std::filesystem::path first_path_;
  std::uint64_t shards_ = 0;
  std::map<std::uint64_t, std::filesystem::path> paths_;  // by part
  std::vector<std::pair<std::string, std::string>> facts_;
  CountedStatistics sum_;
};

}  // namespace etalon
