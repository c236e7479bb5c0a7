#include "etalon/spec/python_literal.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <string>
#include <utility>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

constexpr double kLargestExactInteger = 9007199254740992.0;  // 2^53

bool is_digit(char c) { return '0' <= c && c <= '9'; }

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  PythonLiteral whole() {
    PythonLiteral first = value(0);
    if (next() == ',') first = rest_of_sequence(std::move(first), '\0', 0);
    if (next() != '\0') fail("the end");
    return first;
  }

 private:
  // The next byte that is no blank; 0 at the end.
  char next() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  [[noreturn]] void fail(std::string_view expected) {
    const std::string found =
        at_ < text_.size() ? fmt::format("'{}'", escaped(text_.substr(at_, 20))) : "the end";
    throw Error(Kind::kBadInput, fmt::format("column {}: found {}, expected {}", at_ + 1, found, expected));
  }

  PythonLiteral value(int depth) {
    const char c = next();
    if (c != '(' && c != '[') return number();
    if (depth == kDeepestPythonLiteral)
      fail(fmt::format("at most {} brackets within each other", kDeepestPythonLiteral));
    ++at_;
    const char end = c == '(' ? ')' : ']';
    if (next() == end) {
      ++at_;
      PythonLiteral empty;
      empty.is_sequence = true;
      return empty;
    }
    PythonLiteral first = value(depth + 1);
    if (c == '(' && next() == ')') {  // brackets around a value make no tuple
      ++at_;
      return first;
    }
    return rest_of_sequence(std::move(first), end, depth + 1);
  }

  // After the first item, up to and with `end` (0: the end of the text, which is not passed).
  PythonLiteral rest_of_sequence(PythonLiteral first, char end, int depth) {
    PythonLiteral sequence;
    sequence.is_sequence = true;
    sequence.items.push_back(std::move(first));
    while (true) {
      if (next() == ',') {
        ++at_;
        if (next() != end) {
          sequence.items.push_back(value(depth));
          continue;
        }
      }
      if (next() != end) fail(end == '\0' ? "a comma or the end" : fmt::format("a comma or '{}'", end));
      if (end != '\0') ++at_;
      return sequence;
    }
  }

  std::size_t digits() {
    const std::size_t first = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    return at_ - first;
  }

  PythonLiteral number() {
    constexpr std::string_view kExpected = "a number, '(' or '['";
    bool negative = false;
    if (const char sign = next(); sign == '-' || sign == '+') {
      negative = sign == '-';
      ++at_;
      next();
    }
    const std::size_t first = at_;
    PythonLiteral out;
    out.is_integer = true;
    std::size_t count = digits();
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      out.is_integer = false;
      count += digits();
    }
    if (count == 0) {
      at_ = first;
      fail(kExpected);
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      ++at_;
      out.is_integer = false;
      if (at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+')) ++at_;
      if (digits() == 0) fail("digits of an exponent");
    }
    const std::string_view word = text_.substr(first, at_ - first);
    if (out.is_integer && word.size() > 1 && word[0] == '0' &&
        word.find_first_not_of('0') != std::string_view::npos) {
      at_ = first;
      fail("a number without zeros before it");
    }
    const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), out.number);
    if (failure != std::errc() || end != word.data() + word.size() || !std::isfinite(out.number) ||
        (out.is_integer && out.number > kLargestExactInteger)) {
      at_ = first;
      fail("a number that can be held");
    }
    if (negative) out.number = -out.number;
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

PythonLiteral parse_python_literal(std::string_view text) {
  if (text.size() > kLongestPythonLiteral)
    throw Error(Kind::kBadInput,
                fmt::format("has {} bytes, expected at most {}", text.size(), kLongestPythonLiteral));
  if (text.find('\0') != std::string_view::npos)
    throw Error(Kind::kBadInput, "holds a byte 0, expected a Python literal");
  return Reader(text).whole();
}

}  // namespace etalon
