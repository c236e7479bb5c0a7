#include "etalon/runtime/openvino_call.hpp"

namespace etalon {

std::string openvino_message(std::string_view what) {
  std::string words;
  while (!what.empty()) {
    const auto end = what.find('\n');
    std::string_view line = what.substr(0, end);
    what = end == std::string_view::npos ? std::string_view{} : what.substr(end + 1);
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    if (line.empty() || line.starts_with("Exception from ")) continue;
    if (!words.empty()) words += "; ";
    words += line;
  }
  return escaped(words, 400);
}

}  // namespace etalon
