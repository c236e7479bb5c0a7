#include <fmt/format.h>
#include <google/protobuf/arena.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <array>
#include <iterator>

#include "etalon/base/error.hpp"
#include "etalon/formats/tfrecord/tf_example.pb.h"
#include "etalon/formats/tfrecord/tfrecord.hpp"

namespace etalon {
namespace {

namespace pb = google::protobuf;

// An Example is five messages deep; the rest is for groups in unknown fields.
constexpr int kMostLevels = 16;

template <class List>
auto values_of(const List& list) {
  return std::vector(list.value().begin(), list.value().end());
}

TfFeature feature_from(const tf_example::Feature& feature) {
  switch (feature.kind_case()) {
    case tf_example::Feature::kBytesList:
      return {values_of(feature.bytes_list())};
    case tf_example::Feature::kFloatList:
      return {values_of(feature.float_list())};
    case tf_example::Feature::kInt64List:
      return {values_of(feature.int64_list())};
    case tf_example::Feature::KIND_NOT_SET:
      break;
  }
  return {};
}

// Where texts stand: Example.features, Features.feature, its value, Feature.bytes_list, BytesList.value.
constexpr int kWayToTexts[] = {1, 1, 2, 1, 1};

// The bytes of long texts in a message, `level` steps on the way to them; what is no such message, which is
// for the parser to refuse, ends the walk.
std::uint64_t long_texts(pb::io::CodedInputStream& stream, std::size_t level = 0) {
  using Wire = pb::internal::WireFormatLite;
  std::uint64_t sum = 0;
  while (const std::uint32_t tag = stream.ReadTag()) {
    if (tag != Wire::MakeTag(kWayToTexts[level], Wire::WIRETYPE_LENGTH_DELIMITED)) {
      if (!Wire::SkipField(&stream, tag)) return sum;
      continue;
    }
    int size = 0;
    if (!stream.ReadVarintSizeAsInt(&size)) return sum;
    if (level + 1 < std::size(kWayToTexts)) {
      const auto outer = stream.PushLimit(size);
      sum += long_texts(stream, level + 1);
      if (stream.BytesUntilLimit() != 0) return sum;
      stream.PopLimit(outer);
    } else if (!stream.Skip(size)) {
      return sum;
    } else if (static_cast<std::uint64_t>(size) >= kLongTextBytes) {
      sum += static_cast<std::uint64_t>(size);
    }
  }
  return sum;
}

pb::io::CodedInputStream stream_of(ByteView record) {
  return pb::io::CodedInputStream(reinterpret_cast<const std::uint8_t*>(record.data()),
                                  static_cast<int>(record.size()));
}

void check_size(ByteView record) {
  if (record.size() <= kMostShortBytes) return;
  if (record.size() > kMostExampleBytes)
    throw Error(Kind::kBadInput, fmt::format("a tf.train.Example of {} bytes, expected at most {}",
                                             record.size(), kMostExampleBytes));
  pb::io::CodedInputStream stream = stream_of(record);
  stream.SetRecursionLimit(kMostLevels);
  const std::uint64_t rest = record.size() - long_texts(stream);
  if (rest > kMostShortBytes)
    throw Error(Kind::kBadInput,
                fmt::format("a tf.train.Example with {} bytes beside its pictures, expected at most {}", rest,
                            kMostShortBytes));
}

}  // namespace

std::map<std::string, TfFeature> parse_tf_example(ByteView record) {
  check_size(record);
  // Room for a usual record without an allocation.
  alignas(8) std::array<char, 16 * 1024> first_block;
  pb::ArenaOptions options;
  options.initial_block = first_block.data();
  options.initial_block_size = first_block.size();
  pb::Arena arena(options);
  auto* example = pb::Arena::CreateMessage<tf_example::Example>(&arena);
  pb::io::CodedInputStream stream = stream_of(record);
  stream.SetRecursionLimit(kMostLevels);
  if (!example->MergeFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
    throw Error(Kind::kBadInput,
                "the record is no tf.train.Example: its bytes are no protobuf message of that kind");
  if (!example->has_features())
    throw Error(Kind::kBadInput, "the record is no tf.train.Example: it has no features");
  std::map<std::string, TfFeature> features;
  for (const auto& entry : example->features().feature())
    features.insert_or_assign(entry.key(), feature_from(entry.value()));
  return features;
}

}  // namespace etalon
