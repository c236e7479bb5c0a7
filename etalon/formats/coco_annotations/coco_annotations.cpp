#include "etalon/formats/coco_annotations/coco_annotations.hpp"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

using nlohmann::json;

constexpr std::size_t kMostCategories = 100'000;
constexpr std::size_t kLongestName = 10'000;
// Of the list's text; COCO's own has 6 KB. A JSON value takes up to 16 times the bytes of its text.
constexpr std::size_t kMostListBytes = std::size_t{8} << 20;
constexpr std::uint64_t kDeepest = 32;  // brackets, those around the list counted
constexpr std::string_view kKey = "categories";

// Finds the text of the list in the file's object by brackets and quotes alone: a JSON parser would read
// every number of the annotations, at a twentieth of the speed.
class ListFinder {
 public:
  // False: nothing behind this byte is of use.
  bool take(char c) {
    if (capturing_) {
      if (list_.size() == kMostListBytes)
        throw Error(Kind::kBadInput, fmt::format("\"{}\" has more than {} bytes", kKey, kMostListBytes));
      list_ += c;
    }
    if (in_string_) {
      take_in_string(c);
      return true;
    }
    switch (c) {
      case ' ':
      case '\t':
      case '\r':
      case '\n':
        return true;
      case '{':
      case '[':
        return open(c);
      case '}':
      case ']':
        if (depth_ > 0) --depth_;
        done_ = depth_ == 0 || (capturing_ && depth_ == 1);
        return !done_;
      case ':':
        if (depth_ == 1) wanted_ = last_string_ == kKey;
        return true;
      case ',':
        return depth_ > 0;
      default:
        break;
    }
    if (depth_ == 0) return false;
    if (depth_ == 1) check_not_wanted();
    if (c == '"') {
      in_string_ = true;
      last_string_.clear();
    }
    return true;
  }

  bool done() const { return done_; }
  bool found() const { return done_ && capturing_; }
  bool began() const { return depth_ > 0 || done_; }
  const std::string& list() const { return list_; }

 private:
  void take_in_string(char c) {
    if (escape_) {
      escape_ = false;
    } else if (c == '\\') {
      escape_ = true;
    } else if (c == '"') {
      in_string_ = false;
      return;
    }
    // One byte more than the key: enough to tell another from it.
    if (depth_ == 1 && last_string_.size() <= kKey.size()) last_string_ += c;
  }

  bool open(char c) {
    if (depth_ == 0 && c == '[') return false;
    if (depth_ == 1 && wanted_ && c == '[') {
      capturing_ = true;
      wanted_ = false;
      list_ = c;
    }
    if (depth_ == 1) check_not_wanted();
    ++depth_;
    if (capturing_ && depth_ > kDeepest)
      throw Error(Kind::kBadInput, fmt::format("\"{}\" is nested more than {} deep", kKey, kDeepest));
    return true;
  }

  void check_not_wanted() const {
    if (wanted_) throw Error(Kind::kBadInput, fmt::format("\"{}\" is no list", kKey));
  }

  std::uint64_t depth_ = 0;
  bool in_string_ = false, escape_ = false;
  bool wanted_ = false;  // the value of the key follows
  bool capturing_ = false, done_ = false;
  std::string last_string_;  // at depth 1, its beginning
  std::string list_;
};

CocoCategory category_of(const json& entry, std::size_t number) {
  const bool complete = entry.is_object() && entry.contains("id") && entry.contains("name");
  const bool fits =
      complete && entry["id"].is_number_integer() && entry["name"].is_string() &&
      (!entry["id"].is_number_unsigned() || entry["id"].get<std::uint64_t>() <= std::uint64_t{INT64_MAX});
  if (!fits)
    throw Error(
        Kind::kBadInput,
        fmt::format("category number {} is not an object with a whole number \"id\" and a text \"name\"",
                    number));
  CocoCategory category{entry["id"].get<std::int64_t>(), entry["name"].get<std::string>()};
  if (category.name.size() > kLongestName)
    throw Error(Kind::kBadInput, fmt::format("category number {} has a name of {} bytes, expected at most {}",
                                             number, category.name.size(), kLongestName));
  return category;
}

json parse_list(const std::string& text) {
  try {
    return json::parse(text);  // not with a callback: that one takes time by the square of the entries
  } catch (const json::parse_error& error) {
    throw Error(Kind::kBadInput, fmt::format("\"{}\" is not JSON: its byte {} is not what should stand there",
                                             kKey, error.byte));
  } catch (const json::exception& error) {
    throw Error(Kind::kBadInput, fmt::format("\"{}\" is not JSON: {}", kKey, escaped(error.what())));
  }
}

}  // namespace

std::vector<CocoCategory> parse_coco_categories(std::istream& stream) {
  ListFinder finder;
  std::string chunk(std::size_t{1} << 18, '\0');
  for (bool more = true; more && stream;) {
    stream.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    const auto got = static_cast<std::size_t>(stream.gcount());
    for (std::size_t i = 0; more && i < got; ++i) more = finder.take(chunk[i]);
  }
  if (!finder.done() && finder.began())
    throw Error(Kind::kBadInput, "is cut off: it ends within its JSON object");
  if (!finder.found())
    throw Error(Kind::kBadInput,
                fmt::format("has no list \"{}\", expected annotations in COCO's format", kKey));
  const json list = parse_list(finder.list());
  if (list.size() > kMostCategories)
    throw Error(Kind::kBadInput, fmt::format("has more than {} categories", kMostCategories));
  std::vector<CocoCategory> categories;
  for (const json& entry : list) categories.push_back(category_of(entry, categories.size() + 1));
  return categories;
}

std::vector<CocoCategory> read_coco_categories(const std::filesystem::path& path) {
  return within([&] { return fmt::format("'{}'", escaped(path.string())); },
                [&] {
                  if (!std::filesystem::is_regular_file(path))
                    throw Error(Kind::kBadInput, "there is no such file");
                  std::ifstream stream(path, std::ios::binary);
                  if (!stream) throw Error(Kind::kEnvironment, "cannot be opened");
                  return parse_coco_categories(stream);
                });
}

}  // namespace etalon
