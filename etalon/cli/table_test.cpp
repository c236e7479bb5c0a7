#include "etalon/cli/table.hpp"

#include <gtest/gtest.h>

namespace etalon {
namespace {

TEST(TextFromJson, AlignsTablesAndEscapesWhatATerminalWouldObey) {
  const nlohmann::ordered_json document{
      {"version", 1},
      {"file", "a\x1b[31m"},
      {"names", {"x", "y"}},
      {"rows", {{{"tensor", "input_1"}, {"range", 1.00024414}}, {{"tensor", "a"}, {"range", 2}}}},
      {"inner", {{"count", 3}}}};
  EXPECT_EQ(text_from_json(document),
            "file: a\\x1b[31m\n"
            "names: x, y\n"
            "rows:\n"
            "  tensor   range\n"
            "  input_1  1.00024\n"
            "  a        2\n"
            "inner:\n"
            "  count: 3\n");
}

}  // namespace
}  // namespace etalon
