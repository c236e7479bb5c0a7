#include "etalon/networks/keras_layers/layer_config.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

using nlohmann::json;

[[noreturn]] void refuse(std::string_view key, const json& found, std::string_view expected) {
  throw Error(Kind::kBadInput,
              fmt::format("'{}' is {}, expected {}", key,
                          escaped(found.dump(-1, ' ', false, json::error_handler_t::replace), 60), expected));
}

std::int64_t integer_of(std::string_view key, const json& value, std::int64_t lowest, std::int64_t highest) {
  const auto wrong = [&] { refuse(key, value, fmt::format("a whole number of {} to {}", lowest, highest)); };
  if (!value.is_number_integer()) wrong();
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))
    wrong();
  const auto number = value.get<std::int64_t>();
  if (number < lowest || number > highest) wrong();
  return number;
}

double number_of(std::string_view key, const json& value) {
  if (!value.is_number() || !std::isfinite(value.get<double>())) refuse(key, value, "a number");
  return value.get<double>();
}

// Keys that say how to train, how to name or how to compute in Keras, never what comes out.
bool is_without_effect(std::string_view key) {
  constexpr std::array<std::string_view, 3> kEndings{"_initializer", "_regularizer", "_constraint"};
  constexpr std::array<std::string_view, 12> kKeys{
      "name",   "trainable", "dtype", "batch_input_shape", "momentum",      "build_config", "registered_name",
      "module", "sparse",    "fused", "autocast",          "implementation"};
  for (const auto ending : kEndings)
    if (key.ends_with(ending)) return true;
  for (const auto known : kKeys)
    if (key == known) return true;
  return false;
}

}  // namespace

const json* LayerConfig::find(std::string_view key) {
  read_.emplace(key);
  const auto found = config_.find(key);
  return found == config_.end() || found->is_null() ? nullptr : &*found;
}

const json& LayerConfig::need(std::string_view key) {
  const auto* value = find(key);
  if (!value) throw Error(Kind::kBadInput, fmt::format("the configuration lacks '{}'", key));
  return *value;
}

std::int64_t LayerConfig::integer(std::string_view key, std::int64_t lowest, std::int64_t highest) {
  return integer_of(key, need(key), lowest, highest);
}
std::int64_t LayerConfig::integer(std::string_view key, std::int64_t lowest, std::int64_t highest,
                                  std::int64_t otherwise) {
  const auto* value = find(key);
  return value ? integer_of(key, *value, lowest, highest) : otherwise;
}
double LayerConfig::number(std::string_view key, double otherwise) {
  return number_or_null(key).value_or(otherwise);
}
std::optional<double> LayerConfig::number_or_null(std::string_view key) {
  const auto* value = find(key);
  if (!value) return std::nullopt;
  // A NumPy array of one number, as some writers save `alpha`: {"class_name": "__numpy__", "value": 0.3}
  if (value->is_object() && value->contains("value")) value = &(*value)["value"];
  return number_of(key, *value);
}
bool LayerConfig::flag(std::string_view key, bool otherwise) {
  const auto* value = find(key);
  if (!value) return otherwise;
  if (!value->is_boolean()) refuse(key, *value, "true or false");
  return value->get<bool>();
}
std::string LayerConfig::text(std::string_view key, std::string_view otherwise) {
  const auto* value = find(key);
  if (!value) return std::string(otherwise);
  if (!value->is_string()) refuse(key, *value, "a text");
  return value->get<std::string>();
}
HeightWidth LayerConfig::extent_pair(std::string_view key, HeightWidth otherwise) {
  const auto* value = find(key);
  if (!value) return otherwise;
  if (value->is_number()) {
    const auto both = integer_of(key, *value, 1, kLargestExtent);
    return {both, both};
  }
  if (!value->is_array() || value->size() != 2) refuse(key, *value, "two whole numbers");
  return {integer_of(key, (*value)[0], 1, kLargestExtent), integer_of(key, (*value)[1], 1, kLargestExtent)};
}
std::vector<std::int64_t> LayerConfig::integers(std::string_view key, std::int64_t lowest,
                                                std::int64_t highest) {
  constexpr std::size_t kMost = 16;  // no tensor here has more dimensions
  const auto& value = need(key);
  if (!value.is_array() || value.size() > kMost) refuse(key, value, "a short list of whole numbers");
  std::vector<std::int64_t> numbers;
  for (const auto& item : value) numbers.push_back(integer_of(key, item, lowest, highest));
  return numbers;
}

void LayerConfig::need_channels_first() {
  const auto format = text("data_format", "channels_first");
  if (format != "channels_first")
    throw Error(
        Kind::kUnsupported,
        fmt::format("data_format is '{}'; only channels_first (NCHW) models are supported", escaped(format)),
        "TAO trains channels_first: was this model made by something else?");
}

bool LayerConfig::padding_is_same() {
  const auto padding = text("padding", "valid");
  if (padding != "same" && padding != "valid")
    throw Error(Kind::kUnsupported,
                fmt::format("padding is '{}', expected 'same' or 'valid'", escaped(padding)));
  return padding == "same";
}

void LayerConfig::finish() const {
  for (const auto& [key, value] : config_.items())
    if (!read_.contains(key) && !is_without_effect(key) && !value.is_null())
      throw Error(Kind::kUnsupported,
                  fmt::format("has the option '{}', which is unknown here and could change its numbers",
                              escaped(key)));
}

}  // namespace etalon
