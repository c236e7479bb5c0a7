#include "etalon/report/html_report.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cfloat>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace etalon {
namespace {

TensorStatistics statistics_of(const std::vector<float>& values) {
  TensorStatistics s;
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(std::fabs(value));
    ++s.values;
    ++s.buckets[bits >> 16];
    s.max_bits = std::max(s.max_bits, bits);
  }
  return s;
}

// The first tag that does not close what is open, or "" for a page whose tags are balanced, as XML wants it.
std::string unbalanced(const std::string& page) {
  std::vector<std::string> open;
  for (std::size_t begin = page.find('<'); begin != std::string::npos; begin = page.find('<', begin + 1)) {
    const std::size_t end = page.find('>', begin);
    if (end == std::string::npos) return page.substr(begin);
    const std::string tag = page.substr(begin + 1, end - begin - 1);
    if (tag.starts_with('!') || tag.ends_with('/')) continue;
    if (!tag.starts_with('/')) {
      open.push_back(tag.substr(0, tag.find(' ')));
    } else {
      if (open.empty() || open.back() != tag.substr(1)) return tag;
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

std::size_t count_of(const std::string& page, const std::string& text) {
  std::size_t count = 0;
  for (std::size_t at = page.find(text); at != std::string::npos; at = page.find(text, at + 1)) ++count;
  return count;
}

bool has(const std::string& page, const std::string& text) { return page.find(text) != std::string::npos; }

Report full_report() {
  Report report{.title = "model.onnx"};
  report.facts = {{"model", "resnet18.hdf5"}};
  report.written = {{"model.onnx", "ONNX, 12 MB"}};
  report.warnings = {"nothing is certain"};
  report.tensors = {{"input_1", statistics_of({0, 0.25F, 0.5F, 1}), 0.75F, "mse"},
                    {"relu/Relu", statistics_of({0, 0, 0}), FLT_EPSILON, "mse"}};
  report.errors = QuantizationErrors{.layers = {{"conv1", "Conv", 20, 14}, {"conv2", "Conv", 40, 34}},
                                     .outputs = {{"output_cov/Sigmoid", 31.25}}};
  report.pictures = {{"a.jpg", Bytes(3), Bytes(3), "2 rbc", "1 rbc"}};
  return report;
}

TEST(HtmlReport, IsWellFormedWhateverItHolds) {
  EXPECT_EQ(unbalanced(html_report({})), "");
  EXPECT_EQ(unbalanced(html_report(full_report())), "");
  EXPECT_EQ(unbalanced("<p><b></p>"), "/p");
}

TEST(HtmlReport, LeavesOutSectionsThatHaveNothingToSay) {
  const std::string empty = html_report({}), full = html_report(full_report());
  for (const char* section : {"id=\"layers\"", "id=\"pictures\"", "id=\"tensors\"", "class=\"warn\""}) {
    EXPECT_FALSE(has(empty, section)) << section;
    EXPECT_TRUE(has(full, section)) << section;
  }
}

TEST(HtmlReport, SaysTheNumbersOfATensor) {
  const std::string page = html_report(full_report());
  EXPECT_TRUE(has(page, "<dt>clipped</dt><dd class=\"hot\">25&#8201;%</dd>"));
  EXPECT_TRUE(has(page, "<dt>zero</dt><dd>25&#8201;%</dd>"));
  EXPECT_TRUE(has(page, "<dt>range</dt><dd>0.75</dd>"));
  EXPECT_TRUE(has(page, "<dt>largest |x|</dt><dd>1</dd>"));
  EXPECT_TRUE(has(page, "<dt>zero</dt><dd>100&#8201;%</dd>"));
  EXPECT_TRUE(has(page, "<dt>SNR</dt><dd>all zero</dd>"));
  EXPECT_TRUE(has(page, "<b>31.2&#8201;dB</b>"));
}

TEST(HtmlReport, DrawsALayersErrorAsItsAmplitudeBesideTheWorst) {
  const std::string page = html_report(full_report());
  // 14 dB, the worst, is a fifth of the signal; 20 dB a tenth, 40 dB a hundredth.
  EXPECT_TRUE(has(page, "class=\"all\" y=\"10\" width=\"100.0\""));
  EXPECT_TRUE(has(page, "class=\"own\" y=\"1\" width=\"50.1\""));
  EXPECT_TRUE(has(page, "class=\"own\" y=\"1\" width=\"5.0\""));
}

TEST(HtmlReport, EscapesEveryTextFromOutside) {
  const std::string evil = "\"'><script>alert(1)</script>\x01";
  Report report{.title = evil};
  report.facts = {{evil, evil}};
  report.written = {{evil, evil}};
  report.warnings = {evil};
  report.tensors = {{evil, statistics_of({1}), 1, evil}};
  report.errors = QuantizationErrors{.layers = {{evil, evil, 20, 10}}, .outputs = {{evil, 20}}};
  report.pictures = {{evil, Bytes(1), Bytes(1), evil, evil}};
  const std::string page = html_report(report);
  EXPECT_EQ(unbalanced(page), "");
  EXPECT_FALSE(has(page, "<script"));
  EXPECT_FALSE(has(page, "\x01"));
  EXPECT_EQ(count_of(page, "alert(1)"),
            count_of(page, "&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\\x01"));
  EXPECT_GE(count_of(page, "alert(1)"), 16U);
}

TEST(HtmlReport, LoadsNothingFromAnywhere) {
  const std::string page = html_report(full_report());
  for (const char* way : {"http:", "https:", "//", "<script", "<link", "url(", "@import"})
    EXPECT_FALSE(has(page, way)) << way;
  EXPECT_EQ(count_of(page, "src="), 2U);
  EXPECT_EQ(count_of(page, "src=\"data:image/png;base64,"), 2U);
}

TEST(HtmlReport, IsTheSameBytesForTheSameReport) {
  EXPECT_EQ(html_report(full_report()), html_report(full_report()));
}

TEST(HtmlReport, HasWordsForRatiosThatAreNoNumbers) {
  Report report;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  report.errors =
      QuantizationErrors{.layers = {{"a", "Conv", -kInfinity, kInfinity}, {"b", "Conv", std::nan(""), 20}},
                         .outputs = {{"y", kInfinity}}};
  const std::string page = html_report(report);
  EXPECT_EQ(unbalanced(page), "");
  EXPECT_TRUE(has(page, "<b>exact</b>") && has(page, ">no signal<") && has(page, ">not known<"));
  EXPECT_FALSE(has(page, "\"inf") || has(page, "\"nan") || has(page, "\"-nan"));
}

TEST(HtmlReport, IsBelowTwoMegabytesFor150Tensors) {
  TensorStatistics s;
  for (std::uint32_t key = 0x3000; key < 0x4100; ++key) s.values += s.buckets[key] = 1 + key * key % 100003;
  s.max_bits = 0x40ffffff;
  Report report;
  for (int i = 0; i < 150; ++i)
    report.tensors.push_back({"block_" + std::to_string(i) + "/batchnorm/add_1", s, 3, "entropy"});
  EXPECT_LT(html_report(report).size(), 700'000U);
}

}  // namespace
}  // namespace etalon
