#include "etalon/formats/keras_hdf5/config_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

using nlohmann::json;

// A model within a model costs five levels; Keras' initialisers end a few levels below a layer.
constexpr int kDeepest = 100;
// resnet101 has 0.2 MB. A JSON value takes up to 16 times the bytes of its text, so both numbers bound the memory.
constexpr std::size_t kMostTextBytes = std::size_t{32} << 20;
constexpr std::size_t kMostValues = 4'000'000;
constexpr int kLargestIndex = 1'000'000;

// Python's json writes numbers that JSON does not have. `at` is where the parser stopped, a byte or a few too late.
std::string_view python_number_near(std::string_view text, std::size_t at) {
  const std::string_view near = text.substr(std::min(text.size(), at < 10 ? 0 : at - 10), 20);
  for (const std::string_view word : {"NaN", "Infinity"})
    if (near.find(word) != std::string_view::npos) return word;
  return {};
}

}  // namespace

nlohmann::json parse_config_json(std::string_view text) {
  if (text.size() > kMostTextBytes)
    throw Error(Kind::kBadInput,
                fmt::format("the JSON text has {} bytes, expected at most {}", text.size(), kMostTextBytes));
  std::size_t values = 0;
  const auto count = [&](int depth, json::parse_event_t, const json&) {
    if (depth > kDeepest)
      throw Error(Kind::kBadInput, fmt::format("the JSON is nested more than {} levels deep", kDeepest));
    if (++values > kMostValues)
      throw Error(Kind::kBadInput, fmt::format("the JSON holds more than {} values", kMostValues));
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), count);
  } catch (const json::parse_error& error) {
    if (const auto word = python_number_near(text, error.byte); !word.empty())
      throw Error(Kind::kBadInput,
                  fmt::format("the JSON holds {} near byte {}, which is no number", word, error.byte),
                  "a layer of the model was made with that value; correct it and save the model again");
    throw Error(Kind::kBadInput, fmt::format("not JSON: byte {} is not what should stand there", error.byte));
  } catch (const json::exception& error) {
    throw Error(Kind::kBadInput, fmt::format("not JSON: {}", escaped(error.what())));
  }
}

const nlohmann::json* member(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

int small_integer(const nlohmann::json& value, std::string_view what) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kLargestIndex)
    throw Error(Kind::kBadInput, fmt::format("{} is not a whole number from 0 to {}", what, kLargestIndex));
  return value.get<int>();
}

}  // namespace etalon
