#include "etalon/spec/finding.hpp"

#include <fmt/format.h>

#include <utility>

namespace etalon {

void add_finding(std::vector<Finding>& findings, Finding finding) {
  const std::size_t most = finding.severity == Finding::Severity::kError ? 2 * kMostFindings : kMostFindings;
  if (findings.size() < most) findings.push_back(std::move(finding));
}

std::string_view name_of(Finding::Severity severity) {
  switch (severity) {
    case Finding::Severity::kNote:
      return "note";
    case Finding::Severity::kWarning:
      return "warning";
    case Finding::Severity::kError:
      break;
  }
  return "error";
}

std::string describe(const Finding& finding) {
  if (finding.line <= 0) return finding.text;
  return fmt::format("line {}, column {}: {}", finding.line, finding.column, finding.text);
}

}  // namespace etalon
