// One remark about a file that was read: what, where, how bad.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace etalon {

struct Finding {
  enum class Severity { kNote, kWarning, kError };
  Severity severity = Severity::kWarning;
  std::string text;
  int line = 0, column = 0;  // 1-based; 0: no place
  std::string field{};       // what it is about, a path such as model_config.arch; may be empty
};

// Appends, but no end of remarks on a hostile text: after kMostFindings only errors, after twice as many
// nothing.
constexpr std::size_t kMostFindings = 1000;
void add_finding(std::vector<Finding>& findings, Finding finding);

// "note", "warning", "error".
std::string_view name_of(Finding::Severity severity);

// "line 12, column 3: ..." or the text alone.
std::string describe(const Finding& finding);

}  // namespace etalon
