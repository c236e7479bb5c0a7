#include "etalon/calibration/statistics_store.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "etalon/base/digest.hpp"
#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"

namespace etalon {
namespace {

// Sizes without the batch, which may be open or fixed without changing a number.
void digest_value(Digest& digest, const ValueInfoProto& value) {
  digest.text(value.name());
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
    if (statistics.buckets[key] > 0) out.buckets.emplace_back(static_cast<std::uint16_t>(key), statistics.buckets[key]);
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
  for (const NodeProto& node : graph.node()) digest.text(node.SerializeAsString());  // no maps inside: one form only
  for (const TensorProto& weights : graph.initializer()) digest.text(weights.SerializeAsString());
  for (const ValueInfoProto& output : graph.output()) digest.text(output.name());
  return digest.hex();
}

RunIdentity run_identity(const ModelProto& model, const CalibrationImages& images, const CollectOptions& options) {
  RunIdentity identity;
  identity.model = network_identity(model);
  Digest digest;
  digest.text(identity.model).text(images.identity).number(images.count());
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

void check_is_of_run(const StatisticsFile& file, const RunIdentity& identity, Shard shard, std::uint64_t images) {
  constexpr const char* kHint = "give another --statistics, or add --force to count anew";
  if (file.model != identity.model)
    throw Error(Kind::kBadInput, "these statistics are of another network", kHint);
  if (file.run != identity.run)
    throw Error(Kind::kBadInput, "these statistics are of another run: other images, draw, preparation or precision", kHint);
  if (Shard{file.shard, file.shards} != shard || file.images != images)
    throw Error(Kind::kBadInput,
                fmt::format("these statistics are of part {}/{}, expected {}/{}", file.shard, file.shards, shard.index, shard.count),
                kHint);
}

StatisticsFile merge_statistics(std::span<const NamedStatistics> parts) {
  if (parts.empty()) throw Error(Kind::kInternal, "no statistics to merge");
  const NamedStatistics& first = parts.front();
  if (first.file.shards > kMostShards)
    throw Error(Kind::kBadInput, fmt::format("{} is one of {} parts, expected at most {}", quoted(first.path),
                                             first.file.shards, kMostShards));
  std::vector<const NamedStatistics*> by_shard(first.file.shards);
  for (const NamedStatistics& part : parts) {
    const auto refuse = [&](const std::string& what, const char* hint) {
      throw Error(Kind::kBadInput, fmt::format("{} {}", quoted(part.path), what), hint);
    };
    const StatisticsFile& file = part.file;
    if (file.shards != first.file.shards)
      refuse(fmt::format("is part {} of {}, but {} is one of {}", file.shard, file.shards, quoted(first.path), first.file.shards),
             "merge the parts of one split");
    if (file.model != first.file.model) refuse(fmt::format("is of another network than {}", quoted(first.path)), "");
    if (file.run != first.file.run)
      refuse(fmt::format("is of another run than {}: other images, draw, preparation or precision", quoted(first.path)), "");
    if (file.images_done < file.images)
      refuse(fmt::format("is of a run that was interrupted after {} of {} images", file.images_done, file.images),
             "run the same command again: it goes on there");
    const NamedStatistics*& place = by_shard[file.shard];
    if (place)
      refuse(fmt::format("is part {}/{} again, after {}", file.shard, file.shards, quoted(place->path)), "name each part once");
    place = &part;
  }
  std::vector<std::uint64_t> missing;
  for (std::uint64_t i = 0; i < by_shard.size(); ++i)
    if (!by_shard[i]) missing.push_back(i);
  if (!missing.empty()) {
    constexpr std::size_t kNamed = 10;
    const std::size_t named = std::min(missing.size(), kNamed);
    throw Error(Kind::kBadInput,
                fmt::format("{} of {} parts {} missing: {}{}", missing.size(), by_shard.size(), missing.size() == 1 ? "is" : "are",
                            fmt::join(missing.begin(), missing.begin() + static_cast<std::ptrdiff_t>(named), ", "),
                            named < missing.size() ? ", ..." : ""),
                "parts are counted from 0");
  }
  CountedStatistics all;
  std::uint64_t images = 0;
  for (const NamedStatistics* part : by_shard) {
    const CountedStatistics counted = counted_statistics(part->file);
    if (part != by_shard.front() && !std::ranges::equal(counted.tensors, all.tensors, {}, [](const auto& p) { return p.first; }, [](const auto& p) { return p.first; }))
      throw Error(Kind::kBadInput, fmt::format("{} has other tensors than {}", quoted(part->path), quoted(by_shard.front()->path)));
    for (const auto& [tensor, statistics] : counted.tensors) all.tensors[tensor].merge(statistics);
    all.images_done += counted.images_done;
    images += part->file.images;
  }
  return statistics_file(all, {first.file.run, first.file.model}, {}, images, first.file.facts);
}

}  // namespace etalon
