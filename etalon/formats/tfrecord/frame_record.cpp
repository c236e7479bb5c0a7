#include "etalon/formats/tfrecord/frame_record.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <variant>
#include <vector>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

// By the variant's index.
constexpr std::array<std::string_view, 4> kKindNames{"no values", "bytes", "floats", "integers"};
template <class Value>
constexpr std::string_view kKindName{};
template <>
constexpr std::string_view kKindName<std::string> = kKindNames[1];
template <>
constexpr std::string_view kKindName<std::int64_t> = kKindNames[3];

constexpr std::string_view kHint = "is this a record of DetectNet_v2's dataset_convert?";

template <class Value>
const std::vector<Value>& values_of(const TfFeature& feature, std::string_view name) {
  const auto* values = std::get_if<std::vector<Value>>(&feature.values);
  if (values == nullptr)
    throw Error(Kind::kBadInput,
                fmt::format("feature '{}' holds {}, expected {}", name, kKindNames[feature.values.index()],
                            kKindName<Value>),
                std::string(kHint));
  return *values;
}

template <class Value>
const Value& one_value(const std::map<std::string, TfFeature>& features, const std::string& name) {
  const auto found = features.find(name);
  if (found == features.end())
    throw Error(Kind::kBadInput, fmt::format("feature '{}' is missing", name), std::string(kHint));
  const auto& values = values_of<Value>(found->second, name);
  if (values.size() != 1)
    throw Error(Kind::kBadInput, fmt::format("feature '{}' has {} values, expected 1", name, values.size()));
  return values[0];
}

std::int64_t side(const std::map<std::string, TfFeature>& features, const std::string& name) {
  const auto pixels = one_value<std::int64_t>(features, name);
  if (pixels < 1 || pixels > kMostFramePixels)
    throw Error(Kind::kBadInput,
                fmt::format("feature '{}' is {}, expected 1 to {}", name, pixels, kMostFramePixels));
  return pixels;
}

}  // namespace

FrameRecord frame_record(const std::map<std::string, TfFeature>& features) {
  const auto& id = one_value<std::string>(features, "frame/id");
  if (id.empty()) throw Error(Kind::kBadInput, "feature 'frame/id' is empty");
  if (id.find('\0') != std::string::npos)
    throw Error(Kind::kBadInput, fmt::format("feature 'frame/id' holds a zero byte: '{}'", escaped(id)));
  return {id, side(features, "frame/width"), side(features, "frame/height")};
}

std::map<std::string, std::uint64_t> count_objects(const std::map<std::string, TfFeature>& features) {
  std::map<std::string, std::uint64_t> counts;
  const auto found = features.find("target/object_class");
  if (found == features.end()) return counts;
  for (const auto& name : values_of<std::string>(found->second, "target/object_class")) ++counts[name];
  return counts;
}

}  // namespace etalon
