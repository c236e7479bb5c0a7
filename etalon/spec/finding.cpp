#include "etalon/spec/finding.hpp"

#include <fmt/format.h>

namespace etalon {

std::string describe(const Finding& finding) {
  if (finding.line <= 0) return finding.text;
  return fmt::format("line {}, column {}: {}", finding.line, finding.column, finding.text);
}

}  // namespace etalon
