#include "etalon/spec/python_literal.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "etalon/base/message_of_test.hpp"

namespace etalon {
namespace {

// As Python's repr() would have it, tuples as lists.
std::string shown(const PythonLiteral& value) {
  if (!value.is_sequence)
    return value.is_integer ? fmt::format("{}", value.number) : fmt::format("{}f", value.number);
  std::string text;
  for (const auto& item : value.items) text += (text.empty() ? "" : ", ") + shown(item);
  return "[" + text + "]";
}

TEST(PythonLiteral, IsReadAsPythonReadsIt) {
  struct Case {
    std::string text, value;
  };
  const std::vector<Case> cases{
      {"(832, 1344)", "[832, 1344]"},
      {"[832,1344]", "[832, 1344]"},
      {"832, 1344", "[832, 1344]"},
      {"832,", "[832]"},
      {" \t( 832 ,\n 1344 , )\r\n", "[832, 1344]"},
      {"(10., 10., 5., 5.)", "[10f, 10f, 5f, 5f]"},
      {"[(1.0, 1.0), (1.4, 0.7), [0.7, 1.4]]", "[[1f, 1f], [1.4f, 0.7f], [0.7f, 1.4f]]"},
      {"[1e-3, 2E+2, .5, 5e2, -3, +4, - 1.5, 1.e1]", "[0.001f, 200f, 0.5f, 500f, -3, 4, -1.5f, 10f]"},
      {"()", "[]"},
      {"[]", "[]"},
      {"[[], ()]", "[[], []]"},
      {"(5)", "5"},
      {"((5),)", "[5]"},
      {"((5))", "5"},
      {"[5]", "[5]"},
      {"0", "0"},
      {"00", "0"},
      {"0.5", "0.5f"},
      {"007.5", "7.5f"},
      {"9007199254740992", "9007199254740992"},
      {"[[[[[[[[1]]]]]]]]", "[[[[[[[[1]]]]]]]]"},
  };
  for (const auto& [text, value] : cases) EXPECT_EQ(shown(parse_python_literal(text)), value) << text;
}

TEST(PythonLiteral, RefusesAllElseWithColumnAndExpectation) {
  struct Case {
    std::string text, message;
  };
  const std::vector<Case> cases{
      {"", "column 1: found the end, expected a number, '(' or '['"},
      {"  ", "column 3: found the end, expected a number, '(' or '['"},
      {"(1, 2", "column 6: found the end, expected a comma or ')'"},
      {"(1, 2]", "column 6: found ']', expected a comma or ')'"},
      {"(1, 2))", "column 7: found ')', expected the end"},
      {"(1 2)", "column 4: found '2)', expected a comma or ')'"},
      {"(,)", "column 2: found ',)', expected a number, '(' or '['"},
      {"(1,,2)", "column 4: found ',2)', expected a number, '(' or '['"},
      {"(1, x)", "column 5: found 'x)', expected a number, '(' or '['"},
      {"None", "column 1: found 'None', expected a number, '(' or '['"},
      {"(nan, 1)", "column 2: found 'nan, 1)', expected a number, '(' or '['"},
      {"inf", "column 1: found 'inf', expected a number, '(' or '['"},
      {"__import__('os')", "column 1: found '__import__('os')', expected a number, '(' or '['"},
      {"(1/2, 1)", "column 3: found '/2, 1)', expected a comma or ')'"},
      {"2 ** 8", "column 3: found '** 8', expected the end"},
      {"1, 2 3", "column 6: found '3', expected a comma or the end"},
      {"[1] * 4", "column 5: found '* 4', expected the end"},
      {"--1", "column 2: found '-1', expected a number, '(' or '['"},
      {"'1'", "column 1: found ''1'', expected a number, '(' or '['"},
      {"{1: 2}", "column 1: found '{1: 2}', expected a number, '(' or '['"},
      {"0x10", "column 2: found 'x10', expected the end"},
      {"1j", "column 2: found 'j', expected the end"},
      {"012", "column 1: found '012', expected a number without zeros before it"},
      {"1e", "column 3: found the end, expected digits of an exponent"},
      {"1e999", "column 1: found '1e999', expected a number that can be held"},
      {"9007199254740993000", "column 1: found '9007199254740993000', expected a number that can be held"},
      {".", "column 1: found '.', expected a number, '(' or '['"},
      {"- ", "column 3: found the end, expected a number, '(' or '['"},
      {"[[[[[[[[[1]]]]]]]]]", "column 9: found '[1]]]]]]]]]', expected at most 8 brackets within each other"},
      {std::string(4097, '('), "has 4097 bytes, expected at most 4096"},
      {std::string("1\0", 2), "holds a byte 0, expected a Python literal"},
      {"\xff", "column 1: found '\\xff', expected a number, '(' or '['"},
  };
  for (const auto& [text, message] : cases)
    EXPECT_EQ(message_of([&] { parse_python_literal(text); }), message) << text;
}

}  // namespace
}  // namespace etalon
