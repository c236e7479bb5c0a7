#include "etalon/calibration/statistics_store.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "etalon/base/digest.hpp"
#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"

namespace etalon {
namespace {

// Raised when what is counted, or how pictures are prepared, changes its meaning: older statistics are then
// of other runs.
constexpr std::uint64_t kCountingVersion = 1;

// Name, type and sizes without the batch, which may be open or fixed without changing a number.
void digest_value(Digest& digest, const ValueInfoProto& value) {
  digest.text(value.name()).number(static_cast<std::uint64_t>(value.type().tensor_type().elem_type()));
  const auto shape = shape_of(value);
  digest.number(shape ? shape->size() : ~std::uint64_t{0});
  for (std::size_t i = 1; shape && i < shape->size(); ++i)
    digest.number(static_cast<std::uint64_t>((*shape)[i].value_or(-1)));
}

StoredStatistics stored(const std::string& tensor, const TensorStatistics& statistics) {
  StoredStatistics out{.tensor = tensor,
                       .values = statistics.values,
                       .nans = statistics.nans,
                       .infinities = statistics.infinities,
                       .max_bits = statistics.max_bits,
                       .buckets = {}};
  for (std::uint32_t key = 0; key < TensorStatistics::kBuckets; ++key)
    if (statistics.buckets[key] > 0)
      out.buckets.emplace_back(static_cast<std::uint16_t>(key), statistics.buckets[key]);
  return out;
}

}  // namespace

std::string network_identity(const ModelProto& model) {
  Digest digest;
  for (const auto& opset : model.opset_import())
    digest.text(opset.domain()).number(static_cast<std::uint64_t>(opset.version()));
  const GraphProto& graph = model.graph();
  for (const ValueInfoProto* input : data_inputs(graph)) digest_value(digest, *input);
  digest.number(static_cast<std::uint64_t>(graph.node_size()));
  for (const NodeProto& node : graph.node())
    digest.text(node.SerializeAsString());  // no maps inside: one form only
  for (const TensorProto& weights : graph.initializer()) digest.text(weights.SerializeAsString());
  for (const auto& weights : graph.sparse_initializer()) digest.text(weights.SerializeAsString());
  for (const auto& function : model.functions()) digest.text(function.SerializeAsString());
  for (const ValueInfoProto& output : graph.output()) digest_value(digest, output);
  return digest.hex();
}

RunIdentity run_identity(const ModelProto& model, const CalibrationImages& images,
                         const CollectOptions& options) {
  RunIdentity identity;
  identity.model = network_identity(model);
  Digest digest;
  digest.number(kCountingVersion).text(identity.model).text(images.identity()).number(images.count());
  digest.number(static_cast<std::uint64_t>(options.precision));
  for (const std::int64_t side : options.input_dims) digest.number(static_cast<std::uint64_t>(side));
  identity.run = digest.hex();
  return identity;
}

StatisticsFile read_statistics(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path, kMostStatisticsBytes);
  return within([&] { return quoted(path); }, [&] { return parse_statistics(bytes); });
}

StatisticsFile statistics_file(const CountedStatistics& counted, const RunIdentity& identity, Shard shard,
                               std::uint64_t images, std::vector<std::pair<std::string, std::string>> facts) {
  StatisticsFile file;
  file.run = identity.run;
  file.model = identity.model;
  file.shard = shard.index;
  file.shards = shard.count;
  file.images = images;
  file.images_done = counted.images_done;
  file.facts = std::move(facts);
  for (const auto& [tensor, statistics] : counted.tensors) file.tensors.push_back(stored(tensor, statistics));
  return file;
}

CountedStatistics counted_statistics(const StatisticsFile& file) {
  CountedStatistics counted;
  counted.images_done = file.images_done;
  for (const StoredStatistics& tensor : file.tensors) {
    TensorStatistics& statistics = counted.tensors[tensor.tensor];
    statistics.values = tensor.values;
    statistics.nans = tensor.nans;
    statistics.infinities = tensor.infinities;
    statistics.max_bits = tensor.max_bits;
    for (const auto& [key, count] : tensor.buckets) statistics.buckets.at(key) = count;
  }
  return counted;
}

void check_is_of_run(const StatisticsFile& file, const RunIdentity& identity, Shard shard,
                     std::uint64_t images, const std::vector<std::string>& tensors) {
  constexpr const char* kHint = "give another --statistics, or add --force to replace it";
  if (file.model != identity.model)
    throw Error(Kind::kBadInput, "these statistics are of another network", kHint);
  if (file.run != identity.run)
    throw Error(Kind::kBadInput,
                "these statistics are of another run: other images, draw, preparation or precision", kHint);
  if (Shard{file.shard, file.shards} != shard || file.images != images)
    throw Error(Kind::kBadInput,
                fmt::format("these statistics are of part {}/{}, expected {}/{}", file.shard, file.shards,
                            shard.index, shard.count),
                kHint);
  const std::set<std::string_view> known(tensors.begin(), tensors.end());
  for (const StoredStatistics& tensor : file.tensors)
    if (!known.contains(tensor.tensor) || tensor.nans + tensor.infinities > 0)
      throw Error(Kind::kBadInput,
                  fmt::format("these statistics of '{}' are not what a run of this kind keeps",
                              escaped(tensor.tensor)),
                  kHint);
  if (file.tensors.size() != known.size())
    throw Error(
        Kind::kBadInput,
        fmt::format("these statistics are of {} tensors, expected {}", file.tensors.size(), known.size()),
        kHint);
}

PartsOfRun::PartsOfRun(std::string network, const std::vector<std::string>& tensors)
    : network_(std::move(network)), known_(tensors.begin(), tensors.end()) {}

void PartsOfRun::add(const std::filesystem::path& path, const StatisticsFile& part) {
  const auto refuse = [&](const std::string& what, const char* hint) {
    throw Error(Kind::kBadInput, fmt::format("{} {}", quoted(path), what), hint);
  };
  constexpr const char* kOneRun =
      "merge the parts that runs of one command with another --shard each have written";
  if (part.model != network_)
    refuse("was counted on another network than the model that is given",
           "give the ONNX that the runs with --shard wrote");
  if (part.shards > kMostShards)
    refuse(fmt::format("is one of {} parts, expected at most {}", part.shards, kMostShards), "");
  if (paths_.empty()) {
    first_path_ = path;
    run_ = part.run;
    shards_ = part.shards;
  }
  if (part.shards != shards_)
    refuse(fmt::format("is part {} of {}, but {} is one of {}", part.shard, part.shards, quoted(first_path_),
                       shards_),
           kOneRun);
  if (part.run != run_)
    refuse(fmt::format("is of another run than {}: other images, draw, preparation or precision",
                       quoted(first_path_)),
           kOneRun);
  if (part.images_done < part.images)
    refuse(
        fmt::format("is of a run that was interrupted after {} of {} images", part.images_done, part.images),
        "run the same command again: it goes on there");
  if (const auto earlier = paths_.find(part.shard); earlier != paths_.end())
    refuse(fmt::format("is part {}/{} again, after {}", part.shard, part.shards, quoted(earlier->second)),
           "name each part once");
  for (const StoredStatistics& tensor : part.tensors) {
    if (!known_.contains(tensor.tensor))
      refuse(fmt::format("has statistics of '{}', which is no tensor of the network", escaped(tensor.tensor)),
             "count anew");
    if (tensor.nans + tensor.infinities > 0)
      refuse(fmt::format("has NaN or infinite values of '{}', which no run of ours keeps",
                         escaped(tensor.tensor)),
             "count anew");
  }
  const CountedStatistics counted = counted_statistics(part);
  const auto name = [](const auto& entry) { return entry.first; };
  if (!paths_.empty() && !std::ranges::equal(counted.tensors, sum_.tensors, {}, name, name))
    refuse(fmt::format("has other tensors than {}", quoted(first_path_)), kOneRun);
  for (const auto& [tensor, statistics] : counted.tensors) sum_.tensors[tensor].merge(statistics);
  sum_.images_done += counted.images_done;
  // The lowest part's, whatever came first.
  if (paths_.empty() || part.shard < paths_.begin()->first) facts_ = part.facts;
  paths_.emplace(part.shard, path);
}

StatisticsFile PartsOfRun::whole() const {
  std::vector<std::uint64_t> missing;
  for (std::uint64_t i = 0; i < shards_; ++i)
    if (!paths_.contains(i)) missing.push_back(i);
  if (paths_.empty() || !missing.empty()) {
    constexpr std::size_t kNamed = 10;
    const std::size_t named = std::min(missing.size(), kNamed);
    throw Error(
        Kind::kBadInput,
        fmt::format("{} of {} parts {} missing: {}{}", missing.size(), shards_,
                    missing.size() == 1 ? "is" : "are",
                    fmt::join(missing.begin(), missing.begin() + static_cast<std::ptrdiff_t>(named), ", "),
                    named < missing.size() ? ", ..." : ""),
        "parts are counted from 0");
  }
  return statistics_file(sum_, {run_, network_}, {}, sum_.images_done, facts_);
}

}  // namespace etalon
