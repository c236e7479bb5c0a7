#include "etalon/pipeline/spec_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/pipeline/file_pattern.hpp"
#include "etalon/pipeline/spec_content.hpp"
#include "etalon/spec/spec_text.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

// As text for a terminal; a line of a real specification is short.
std::string source_of(const std::vector<std::string_view>& lines, int number) {
  if (number < 1 || static_cast<std::size_t>(number) > lines.size()) return "";
  std::string line;
  for (const char c : lines[static_cast<std::size_t>(number - 1)].substr(0, 1000))
    line += c == '\t' ? std::string(8 - line.size() % 8, ' ') : std::string(1, c);
  return escaped(line, 160);
}

// Remarks on data that are not where the specification says. Not an error: it may be another machine's.
void look_for_data(const std::vector<SpecContent::DataPlace>& places, const fs::path& root,
                   std::vector<Finding>& findings) {
  constexpr std::size_t kMost = 100;  // each costs reading folders
  for (std::size_t i = 0; i < std::min(places.size(), kMost); ++i) {
    const fs::path path = root / places[i].path;  // an absolute one wins
    std::error_code failure;
    if (places[i].folder ? fs::is_directory(path, failure) : any_file_matches(path).value_or(true)) continue;
    Finding finding = places[i].absent;
    finding.text = fmt::format("{} '{}'", places[i].folder ? "there is no folder" : "no file matches",
                               escaped(path.string()));
    add_finding(findings, std::move(finding));
  }
}

}  // namespace

Json check_spec(const SpecCheckOptions& options) {
  check_is_data_file(options.file);
  const Bytes bytes = read_file(options.file, kLargestSpecBytes);
  SpecContent content = within([&] { return fmt::format("'{}'", escaped(options.file.string())); },
                               [&] {
                                 SpecContent found = content_of_spec(as_text(bytes));
                                 if (!found.supported)
                                   throw Error(Kind::kUnsupported,
                                               fmt::format("this is a {} ({}): not supported yet", found.kind,
                                                           found.facts.at("told_by").get<std::string>()));
                                 return found;
                               });
  std::vector<Finding> findings = std::move(content.findings);
  std::ranges::move(content.wrong, std::back_inserter(findings));
  const bool here = content.data_root == SpecContent::DataRoot::kWorkingDirectory;
  look_for_data(content.data_places, here ? fs::path() : options.data_root, findings);
  std::ranges::stable_sort(findings, {}, [](const Finding& f) { return std::pair(f.line, f.column); });

  const auto lines = lines_of(as_text(bytes));
  Json rows = Json::array();
  for (const auto& finding : findings)
    rows.push_back({{"severity", name_of(finding.severity)},
                    {"line", finding.line},
                    {"column", finding.column},
                    {"field", finding.field},
                    {"text", finding.text},
                    {"source", source_of(lines, finding.line)}});
  return {{"version", 1},
          {"file", options.file.string()},
          {"kind", content.kind},
          {content.for_export ? "matters_to_export" : "holds", std::move(content.facts)},
          {"findings", std::move(rows)}};
}

bool has_error_findings(const Json& checked) {
  return std::ranges::any_of(checked.at("findings"),
                             [](const Json& row) { return row.at("severity") == "error"; });
}

}  // namespace etalon
