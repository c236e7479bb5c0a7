// One remark about a file that was read: what, where, how bad.
#pragma once

#include <string>

namespace etalon {

struct Finding {
  enum class Severity { kNote, kWarning, kError };
  Severity severity = Severity::kWarning;
  std::string text;
  int line = 0, column = 0;  // 1-based; 0: no place
};

// "line 12, column 3: ..." or the text alone.
std::string describe(const Finding& finding);

}  // namespace etalon
