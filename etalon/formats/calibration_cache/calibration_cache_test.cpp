#include "etalon/formats/calibration_cache/calibration_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <limits>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/base/message_of_test.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(CalibrationCache, ReadsAndWritesATable) {
  const std::string text =
      "TRT-8601-EntropyCalibration2\n"
      "input_1: 3c010a14\n"
      "(Unnamed Layer* 7) [Shuffle]_output: 30810204\n"
      "scope: inner:0: 3f800000\n";
  const CalibrationCache cache = parse_calibration_cache(text);
  EXPECT_EQ(cache.header, "TRT-8601-EntropyCalibration2");
  ASSERT_EQ(cache.lines.size(), 3U);
  // 3c010a14 is the scale of a tensor whose largest value is 1: (1 + 1/4096) / 127, rounded to float32.
  EXPECT_EQ(cache.lines[0].scale, static_cast<float>((1.0 + 1.0 / 4096) / 127));
  EXPECT_EQ(cache.lines[2].tensor, "scope: inner:0");
  EXPECT_EQ(cache.lines[2].scale, 1.0F);
  EXPECT_EQ(format_calibration_cache(cache), text);
}

TEST(CalibrationCache, TakesOtherLineEndsShortNumbersAndCapitals) {
  const CalibrationCache cache =
      parse_calibration_cache("TRT-7000-MinMaxCalibration\r\na: 3C010A14\r\nb: 1\r\nc: 0\r\n\r\n\n");
  EXPECT_EQ(format_calibration_cache(cache),
            "TRT-7000-MinMaxCalibration\na: 3c010a14\nb: 00000001\nc: 00000000\n");
  EXPECT_EQ(parse_calibration_cache("TRT-1-X\na: 3c010204").lines.size(), 1U);
  EXPECT_TRUE(parse_calibration_cache("TRT-1-X").lines.empty());
}

TEST(CalibrationCache, FindsTensorsWithAndWithoutTheOutputNumber) {
  const CalibrationCache cache = parse_calibration_cache(
      "TRT-1-X\ninput_1: 3c010204\nconv1:0: 3c010204\nboth: 3f800000\nboth:0: 40000000\n");
  EXPECT_EQ(cache.find("input_1:0"), &cache.lines[0]);
  EXPECT_EQ(cache.find("conv1"), &cache.lines[1]);
  EXPECT_EQ(cache.find("both"), &cache.lines[2]);
  EXPECT_EQ(cache.find("both:0"), &cache.lines[3]);
  EXPECT_EQ(cache.find("input"), nullptr);
}

TEST(CalibrationCache, RefusesBrokenTablesWithTheLine) {
  const std::string head = "TRT-8601-EntropyCalibration2\n";
  const struct {
    std::string text, message;
  } kBroken[] = {
      {"", "expected a header like"},
      {"input_1: 3c010a14\n", "line 1"},
      {"TRT--EntropyCalibration2\n", "line 1"},
      {"TRT-8601-\n", "line 1"},
      {"TRT-8601-Entropy Calibration\n", "line 1"},
      {"\nTRT-8601-EntropyCalibration2\n", "line 1"},
      {head + "input_1 3c010a14\n", "in line 2"},
      {head + "input_1:3c010a14\n", "expected '<tensor>: <eight"},
      {head + "a: 3c010a14\nb: 3c010a1g\n", "in line 3"},
      {head + "a: \n", "is not a number of at most eight"},
      {head + "a: 13c010a14\n", "is not a number of at most eight"},
      {head + "a: -3c010a1\n", "is not a number of at most eight"},
      {head + "a: 0x3c010a\n", "is not a number of at most eight"},
      {head + ": 3c010a14\n", "name is empty"},
      {head + "a: 80000000\n", "the scale 80000000 is -0"},
      {head + "a: 80000001\n", "expected a finite number that is not negative"},
      {head + "a: 7f800000\n", "is inf"},
      {head + "a: 7fc00000\n", "is nan"},
      {head + "a: 3c010a14\nb: 3c010a14\na: 3c010a14\n", "tensor 'a' stands already in line 2, in line 4"},
      {head + "a: 3c010a14\n\nb: 3c010a14\n", "blank, but more lines follow, in line 3"},
      {head + "a\x1b[31m: zz\n", "'zz'"},
  };
  for (const auto& broken : kBroken)
    EXPECT_THAT(message_of([&] { parse_calibration_cache(broken.text); }), HasSubstr(broken.message))
        << broken.text;
}

TEST(CalibrationCache, DoesNotWriteWhatCannotBeReadBack) {
  CalibrationCache cache{"TRT-8601-EntropyCalibration2", {{"a", 1.0F}}};
  cache.lines[0].tensor = "a\nb";
  EXPECT_THAT(message_of([&] { format_calibration_cache(cache); }), HasSubstr("line break"));
  cache.lines[0] = {"a", -0.5F};
  EXPECT_THAT(message_of([&] { format_calibration_cache(cache); }), HasSubstr("has scale -0.5"));
  cache.lines[0] = {"a", std::numeric_limits<float>::quiet_NaN()};
  EXPECT_THAT(message_of([&] { format_calibration_cache(cache); }), HasSubstr("has scale nan"));
  EXPECT_THAT(message_of([&] { format_calibration_cache({"1", {}}); }), HasSubstr("not a cache's header"));
}

TEST(CalibrationCache, NumbersVersionsAsTensorRtDoes) {
  EXPECT_EQ(cache_header(parse_tensorrt_version("8.6.1")), "TRT-8601-EntropyCalibration2");
  EXPECT_EQ(cache_header(parse_tensorrt_version("10.3")), "TRT-100300-EntropyCalibration2");
  EXPECT_EQ(parse_tensorrt_version("8.5.10").number(), 8510);
  EXPECT_EQ(parse_tensorrt_version("9.0.0").number(), 9000);
  EXPECT_EQ(parse_tensorrt_version("10.16.2").number(), 101602);
  EXPECT_EQ(TensorRtVersion{}.number(), 8601);
  for (const char* wrong :
       {"", "8", "8.", ".6", "8.6.1.6", "8.6.x", "v8.6", "8.600", "0.1", "8..1", "-8.6", "8.6.1.", " 8.6"})
    EXPECT_THAT(message_of([&] { parse_tensorrt_version(wrong); }), HasSubstr("is not a TensorRT version"))
        << wrong;
}

TEST(CalibrationCache, HasItsLinesByName) {
  const CalibrationCache cache = parse_calibration_cache(
      "TRT-8601-EntropyCalibration2\na:0: 3c010a14\nb: 3c010a15\nb:0: 3c010a16\nc:1: 3c010a17\n");
  const auto by_tensor = cache.by_tensor();
  ASSERT_EQ(by_tensor.size(), 3U);
  EXPECT_EQ(by_tensor.at("a"), &cache.lines[0]);
  EXPECT_EQ(by_tensor.at("b"), &cache.lines[1]);
  EXPECT_EQ(by_tensor.at("c:1"), &cache.lines[3]);
  for (const auto& [name, line] : by_tensor) EXPECT_EQ(cache.find(name), line);
}

TEST(CalibrationCache, IsKnownByItsFirstBytes) {
  EXPECT_TRUE(looks_like_calibration_cache(as_bytes("TRT-8601-Ent")));
  EXPECT_FALSE(looks_like_calibration_cache(as_bytes("TRT-")));
  EXPECT_FALSE(looks_like_calibration_cache(as_bytes("TRT-86")));
  EXPECT_FALSE(looks_like_calibration_cache(as_bytes("\x89HDF")));
  EXPECT_FALSE(looks_like_calibration_cache({}));
}

TEST(CalibrationCache, ReadsPublishedTablesAndWritesThemBackByteForByte) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA is not set: no published tables to read";
  std::size_t tables = 0;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(data) / "calibration_tables")) {
    if (entry.path().extension() != ".cal") continue;
    const Bytes bytes = read_file(entry.path());
    EXPECT_TRUE(looks_like_calibration_cache(bytes)) << entry.path();
    const CalibrationCache cache = parse_calibration_cache(as_text(bytes));
    EXPECT_GT(cache.lines.size(), 30U) << entry.path();
    std::string canonical(as_text(bytes));
    // The one line of them all that is not eight digits long: a constant that is zero.
    constexpr std::string_view kShort = "(Unnamed Layer* 135) [Constant]_output: 0\n";
    if (entry.path().filename() == "bodyposenet_288x384.cal")
      canonical.insert(canonical.find(kShort) + kShort.size() - 1, "0000000");
    EXPECT_EQ(format_calibration_cache(cache), canonical) << entry.path();
    ++tables;
  }
  EXPECT_GE(tables, 14U);
}

}  // namespace
}  // namespace etalon
