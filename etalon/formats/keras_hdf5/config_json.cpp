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
// resnet101 has 0.2 MB. A JSON value takes up to 16 times the bytes of its text, so both numbers bound the
// memory.
constexpr std::size_t kMostTextBytes = std::size_t{32} << 20;
constexpr std::size_t kMostValues = 4'000'000;
constexpr int kLargestIndex = 1'000'000;

// Python's json writes numbers that JSON does not have. `at` is where the parser stopped, a byte or a few too
// late.
std::string_view python_number_near(std::string_view text, std::size_t at) {
  const std::string_view near = text.substr(std::min(text.size(), at < 10 ? 0 : at - 10), 20);
  for (const std::string_view word : {"NaN", "Infinity"})
    if (near.find(word) != std::string_view::npos) return word;
  return {};
}

// Walks the text and keeps nothing. (The parser's own callback would do, but at the end of each object it
// goes through all that stand beside it: minutes for some 100,000.)
class SizeCheck : public json::json_sax_t {
 public:
  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool start_object(std::size_t) override { return begin(); }
  bool key(string_t&) override { return true; }
  bool end_object() override { return end(); }
  bool start_array(std::size_t) override { return begin(); }
  bool end_array() override { return end(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;  // the parse proper says what is wrong
  }

 private:
  bool value() {
    if (++values_ > kMostValues)
      throw Error(Kind::kBadInput, fmt::format("the JSON holds more than {} values", kMostValues));
    return true;
  }
  bool begin() {
    if (++depth_ > kDeepest)
      throw Error(Kind::kBadInput, fmt::format("the JSON is nested more than {} levels deep", kDeepest));
    return value();
  }
  bool end() {
    --depth_;
    return true;
  }

  std::size_t values_ = 0;
  int depth_ = 0;
};

}  // namespace

nlohmann::json parse_config_json(std::string_view text) {
  if (text.size() > kMostTextBytes)
    throw Error(Kind::kBadInput,
                fmt::format("the JSON text has {} bytes, expected at most {}", text.size(), kMostTextBytes));
  SizeCheck check;
  json::sax_parse(text.begin(), text.end(), &check);
  try {
    return json::parse(text.begin(), text.end());
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
