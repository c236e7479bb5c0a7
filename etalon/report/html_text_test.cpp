#include "etalon/report/html_text.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace etalon {
namespace {

TEST(HtmlEscaped, LeavesNothingThatAPageTakesForMarkup) {
  EXPECT_EQ(html_escaped("<script>alert('a' & \"b\")</script>"),
            "&lt;script&gt;alert(&#39;a&#39; &amp; &quot;b&quot;)&lt;/script&gt;");
  EXPECT_EQ(html_escaped("block_1a/Relu:0"), "block_1a/Relu:0");
  EXPECT_EQ(html_escaped("&lt;"), "&amp;lt;");
}

TEST(HtmlEscaped, ShowsControlCharactersAndBytesThatAreNoText) {
  EXPECT_EQ(html_escaped("a\nb\x1b[31m"), "a\\x0ab\\x1b[31m");
  EXPECT_EQ(html_escaped("\xff<\xc3"), "\\xff&lt;\\xc3");
}

TEST(PngDataUri, IsTheBase64OfRfc4648) {
  const std::string head = "data:image/png;base64,";
  for (const auto& [plain, coded] : {std::pair<std::string_view, std::string_view>{"", ""},
                                     {"f", "Zg=="},
                                     {"fo", "Zm8="},
                                     {"foo", "Zm9v"},
                                     {"foob", "Zm9vYg=="},
                                     {"fooba", "Zm9vYmE="},
                                     {"foobar", "Zm9vYmFy"},
                                     {"\xfb\xff\xfe", "+//+"}})
    EXPECT_EQ(png_data_uri(as_bytes(plain)), head + std::string(coded));
}

TEST(PercentText, SaysNothingOnlyOfNothing) {
  EXPECT_EQ(percent_text(0), "0");
  EXPECT_EQ(percent_text(1e-9), "&lt;0.0001&#8201;%");
  EXPECT_EQ(percent_text(0.1234), "12.3&#8201;%");
  EXPECT_EQ(percent_text(1), "100&#8201;%");
}

TEST(DecibelText, HasWordsForWhatIsNoNumber) {
  EXPECT_EQ(decibel_text(38.24), "38.2&#8201;dB");
  EXPECT_EQ(decibel_text(std::numeric_limits<double>::infinity()), "exact");
  EXPECT_EQ(decibel_text(-std::numeric_limits<double>::infinity()), "no signal");
  EXPECT_EQ(decibel_text(std::nan("")), "not known");
}

TEST(CountText, HasAUnit) {
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1234567), "1.23&#8201;M");
}

}  // namespace
}  // namespace etalon
