#include "etalon/cli/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

using Json = nlohmann::ordered_json;

std::string cell(const Json& value) {
  if (value.is_string()) return escaped(value.get<std::string>(), 2000);
  if (value.is_number_float()) return fmt::format("{:.6g}", value.get<double>());
  return value.dump();
}

bool is_table(const Json& value) {
  return value.is_array() && !value.empty() &&
         std::ranges::all_of(value, [](const Json& row) { return row.is_object(); });
}

std::string table(const Json& rows, const std::string& indent) {
  std::vector<std::string> columns;
  for (const auto& [key, value] : rows.front().items()) columns.push_back(key);
  std::vector<std::vector<std::string>> lines{columns};
  for (const auto& row : rows) {
    auto& line = lines.emplace_back();
    for (const auto& column : columns) line.push_back(row.contains(column) ? cell(row[column]) : "");
  }
  std::vector<std::size_t> widths(columns.size());
  for (const auto& line : lines)
    for (std::size_t c = 0; c < columns.size(); ++c) widths[c] = std::max(widths[c], line[c].size());
  std::string text;
  for (const auto& line : lines) {
    std::string row = indent;
    for (std::size_t c = 0; c < columns.size(); ++c)
      row += c + 1 < columns.size() ? fmt::format("{:<{}}  ", line[c], widths[c]) : line[c];
    text += row.substr(0, row.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string lines_of(const Json& object, const std::string& indent) {
  std::string text;
  for (const auto& [key, value] : object.items()) {
    const std::string name = indent + escaped(key);
    if (is_table(value)) {
      text += name + ":\n" + table(value, indent + "  ");
    } else if (value.is_object()) {
      text += name + ":\n" + lines_of(value, indent + "  ");
    } else if (value.is_array()) {
      std::string list;
      for (const auto& item : value) list += (list.empty() ? "" : ", ") + cell(item);
      text += name + ": " + list + "\n";
    } else {
      text += name + ": " + cell(value) + "\n";
    }
  }
  return text;
}

}  // namespace

std::string text_from_json(const nlohmann::ordered_json& document) {
  Json shown = document;
  shown.erase("version");
  return lines_of(shown, "");
}

}  // namespace etalon
