// The rules were found by running GLib 2.74's GKeyFile: nvinfer reads its configuration with it.
#include "etalon/deployment/key_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "etalon/base/error.hpp"

namespace etalon {

std::string key_file_text(std::string_view key, std::string_view value, std::size_t limit) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const bool at_an_end = i == 0 || i + 1 == value.size();
    switch (value[i]) {
      case '\\':
        out += "\\\\";
        break;
      case '\t':
        out += "\\t";
        break;
      case ' ':
        out += at_an_end ? "\\s" : " ";
        break;
      default:
        out += value[i];
    }
  }
  if (escaped(out, out.size()) != out)  // escaped() changes exactly control characters and what is not UTF-8
    throw Error(Kind::kBadInput,
                fmt::format("the value of {} has a control character or is not UTF-8, which a DeepStream "
                            "configuration cannot hold",
                            key));
  if (out.size() > limit)
    throw Error(Kind::kBadInput, fmt::format("the value of {} has {} bytes, DeepStream reads at most {}", key,
                                             out.size(), limit));
  return out;
}

std::string key_file_list(std::string_view key, std::span<const std::string> items) {
  std::string out;
  for (const auto& item : items) {
    if (!out.empty()) out += ';';
    for (const char c : key_file_text(key, item)) {
      if (c == ';') out += '\\';
      out += c;
    }
  }
  return out;
}

std::string key_file_number(std::string_view key, double value) {
  if (!std::isfinite(value))
    throw Error(Kind::kBadInput, fmt::format("{} is {}, expected a finite number", key, value));
  return fmt::format("{}", value);
}

std::string python_number(std::string_view key, double value) {
  std::string text = key_file_number(key, value);
  const bool whole = text.find_first_of(".e") == std::string::npos;
  return whole ? text + ".0" : text;
}

}  // namespace etalon
