#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>

#include "etalon/base/error.hpp"
#include "etalon/cli/calibration_flags.hpp"
#include "etalon/cli/table.hpp"
#include "etalon/cli/tao_task.hpp"
#include "etalon/cli/verbs.hpp"
#include "etalon/pipeline/spec_check.hpp"

namespace etalon {
namespace {

// file:line:column: severity: field: text, and below it the line of the file.
std::string finding_lines(const std::string& file, const nlohmann::ordered_json& row) {
  std::string place = file;
  if (row.at("line") > 0)
    place += fmt::format(":{}:{}", row.at("line").get<int>(), row.at("column").get<int>());
  const auto field = row.at("field").get<std::string>();
  const auto source = row.at("source").get<std::string>();
  return fmt::format("{}: {}: {}{}\n{}", place, row.at("severity").get<std::string>(),
                     field.empty() ? "" : escaped(field) + ": ", row.at("text").get<std::string>(),
                     source.empty() ? "" : fmt::format("{:>6} | {}\n", row.at("line").get<int>(), source));
}

std::string text_of(nlohmann::ordered_json checked) {
  const auto findings = checked.at("findings");
  checked.erase("findings");
  std::string text = text_from_json(checked);
  std::map<std::string, int> counts;
  for (const auto& row : findings) {
    text += finding_lines(escaped(checked.at("file").get<std::string>()), row);
    ++counts[row.at("severity").get<std::string>()];
  }
  return text + fmt::format("errors: {}, warnings: {}, notes: {}\n", counts["error"], counts["warning"],
                            counts["note"]);
}

}  // namespace

int spec_check_command(std::vector<std::string> words) {
  CLI::App app("What a specification is, what in it matters to export, and what is wrong. Changes nothing.",
               "etalon spec check");
  std::string file;
  bool json = false;
  app.add_option("FILE", file, "experiment specification (protobuf text)")->required();
  app.add_flag("--json", json, "one JSON document on stdout");
  app.footer(
      "Exit status 1 where something is wrong that export or the data loader cannot do with; what only TAO\n"
      "refuses, and fields that nobody knows, are warnings.\n\n"
      "Examples:\n  etalon spec check spec.txt\n  etalon spec check spec.txt --json\n  DATA_BASE_PATH=/data "
      "etalon spec check spec.txt");
  if (const auto done = parse_flags(app, std::move(words))) return *done;
  return run_verb(
      json, [&] { return check_spec({.file = file, .data_root = data_root()}); },
      [](const auto& checked) { return has_error_findings(checked) ? 1 : 0; }, text_of);
}

}  // namespace etalon
