#include "etalon/deployment/key_file.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

// GLib 2.74's g_key_file_get_string gives the left column back for `k=<right column>`.
TEST(KeyFile, EscapesTextAsGlibReadsIt) {
  const std::vector<std::pair<std::string, std::string>> cases{{"nvidia_tlt", "nvidia_tlt"},
                                                               {"", ""},
                                                               {"a\\b", "a\\\\b"},
                                                               {"\\s", "\\\\s"},
                                                               {" two words ", "\\stwo words\\s"},
                                                               {"a\tb", "a\\tb"},
                                                               {"a;b=c#d", "a;b=c#d"},
                                                               {"\xc3\xa4", "\xc3\xa4"},
                                                               {" ", "\\s"}};
  for (const auto& [value, text] : cases) EXPECT_EQ(key_file_text("k", value), text);
  EXPECT_EQ(key_file_list("k", std::vector<std::string>{"a;b", "c"}), "a\\;b;c");
}

TEST(KeyFile, RefusesWhatNoKeyFileHoldsWithoutSayingTheValue) {
  for (const auto& value : {std::string("se\ncret"), std::string("se\rcret"), std::string("se\0cret", 7),
                            std::string("secret\xff")}) {
    try {
      key_file_text("tlt-model-key", value);
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.line(),
                "the value of tlt-model-key has a control character or is not UTF-8, which a DeepStream "
                "configuration cannot hold");
    }
  }
  EXPECT_NO_THROW(key_file_text("k", std::string(1023, 'x')));
  EXPECT_THROW(key_file_text("k", std::string(1024, 'x')), Error);
}

TEST(KeyFile, WritesNumbersWithoutALocale) {
  EXPECT_EQ(key_file_number("k", 0.05), "0.05");
  EXPECT_EQ(key_file_number("k", 1e-9), "1e-09");
  EXPECT_EQ(key_file_number("k", 35), "35");
  EXPECT_THROW(key_file_number("k", std::numeric_limits<double>::quiet_NaN()), Error);
  EXPECT_THROW(key_file_number("k", std::numeric_limits<double>::infinity()), Error);
}

TEST(KeyFile, WritesNumbersAsPythonDoes) {  // str(1/255) and so on
  EXPECT_EQ(python_number("k", 1.0 / 255), "0.00392156862745098");
  EXPECT_EQ(python_number("k", 0), "0.0");
  EXPECT_EQ(python_number("k", 1), "1.0");
  EXPECT_EQ(python_number("k", 116.28), "116.28");
  EXPECT_EQ(python_number("k", 0.017507), "0.017507");
  EXPECT_EQ(python_number("k", 1e-5), "1e-05");
  EXPECT_EQ(python_number("k", 1e16), "1e+16");
  EXPECT_EQ(python_number("k", 123456789.0), "123456789.0");
}

}  // namespace
}  // namespace etalon
