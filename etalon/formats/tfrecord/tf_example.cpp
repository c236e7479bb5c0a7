#include <fmt/format.h>
#include <google/protobuf/arena.h>
#include <google/protobuf/io/coded_stream.h>

#include <array>

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

}  // namespace

std::map<std::string, TfFeature> parse_tf_example(ByteView record) {
  if (record.size() > kMostExampleBytes)
    throw Error(Kind::kBadInput, fmt::format("a tf.train.Example of {} bytes, expected at most {}",
                                             record.size(), kMostExampleBytes));
  // Room for a usual record without an allocation.
  alignas(8) std::array<char, 16 * 1024> first_block;
  pb::ArenaOptions options;
  options.initial_block = first_block.data();
  options.initial_block_size = first_block.size();
  pb::Arena arena(options);
  auto* example = pb::Arena::CreateMessage<tf_example::Example>(&arena);
  pb::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(record.data()),
                                  static_cast<int>(record.size()));
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
