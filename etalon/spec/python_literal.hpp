// Python literals in a specification's texts, which TAO hands to eval(): here they are parsed, never
// evaluated.
//
//   parse_python_literal("(10., 10., 5, 5)").items[2].number  ->  5, is_integer
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace etalon {

struct PythonLiteral {
  bool is_sequence = false;          // a tuple or a list
  bool is_integer = false;           // a number without point and exponent
  double number = 0;                 // finite; of an integer at most 2^53, so exact
  std::vector<PythonLiteral> items;  // of a sequence
};

// Real ones have 60 bytes and are two deep.
constexpr std::size_t kLongestPythonLiteral = 4096;
constexpr int kDeepestPythonLiteral = 8;

// Numbers (5, -3, 10., .5, 1e-3), tuples and lists of them, nested, with blanks and a comma at the end as
// Python allows. `(5)` is the number 5, `5,` a tuple, as in Python. Errors (kBadInput) with the column
// (1-based, in bytes), what was found and what was expected: names, calls, operators, texts, anything else;
// longer, deeper or larger than above.
PythonLiteral parse_python_literal(std::string_view text);

}  // namespace etalon
