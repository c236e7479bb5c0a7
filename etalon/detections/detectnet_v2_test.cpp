#include "etalon/detections/detectnet_v2.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "etalon/base/bytes.hpp"
#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"

namespace etalon {
namespace {

std::vector<float> read_floats(const std::string& path) {
  const Bytes bytes = read_file(path);
  ByteCursor cursor(bytes);
  std::vector<float> values;
  while (cursor.remaining() > 0) values.push_back(std::bit_cast<float>(cursor.u32("number")));
  return values;
}

std::vector<Detection> read_detections(const std::string& path) {
  std::ifstream file(path);
  std::vector<Detection> out;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    Detection d;
    std::istringstream(line) >> d.class_index >> d.left >> d.top >> d.right >> d.bottom >> d.confidence;
    out.push_back(d);
  }
  return out;
}

// What is found in the picture of bccd_grid.f32 with the same limits for its three classes.
std::vector<Detection> find_in_bccd(const DetectnetV2Decoding::PerClass& limits) {
  const auto numbers = read_floats(std::string(ETALON_DETECTIONS_TESTDATA) + "/bccd_grid.f32");
  EXPECT_EQ(numbers.size(), 5U * 3 * 15 * 20);
  const std::span<const float> all(numbers);
  const DetectnetV2Decoding how{35.0, 0.5, 320, 240, {limits, limits, limits}};
  return decode_detectnet_v2(all.first(3 * 15 * 20), all.subspan(3 * 15 * 20), 20, 15, how);
}

// NumPy rounds scale * value and the sum in the same order; a contraction to fma may differ in the last bit.
void expect_found(const std::vector<Detection>& found, const char* expected_file) {
  const auto expected = read_detections(std::string(ETALON_DETECTIONS_TESTDATA) + "/" + expected_file);
  ASSERT_FALSE(expected.empty());
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(found[i].class_index, expected[i].class_index);
    EXPECT_NEAR(found[i].confidence, expected[i].confidence, 1e-12);
    EXPECT_NEAR(found[i].left, expected[i].left, 1e-12 * 320);
    EXPECT_NEAR(found[i].top, expected[i].top, 1e-12 * 320);
    EXPECT_NEAR(found[i].right, expected[i].right, 1e-12 * 320);
    EXPECT_NEAR(found[i].bottom, expected[i].bottom, 1e-12 * 320);
  }
}

using Algorithm = DetectnetV2Decoding::Algorithm;
using Confidence = DetectnetV2Decoding::Confidence;

TEST(DecodeDetectnetV2, FindsTheBoxesThatNumpyFinds) {
  expect_found(find_in_bccd({0.05, 0.4, 0.05, 4.0}), "bccd_detections.txt");
}

TEST(DecodeDetectnetV2, ClustersWithDbscanAsScikitLearnDoes) {
  expect_found(find_in_bccd({0.05, 0.4, 0.2, 4.0, Algorithm::kDbscan, 0.35, 1, 0.3}), "bccd_dbscan.txt");
  expect_found(find_in_bccd({0.05, 0.4, 0.2, 4.0, Algorithm::kDbscan, 0.35, 1, 0.3, Confidence::kMean}),
               "bccd_dbscan_mean.txt");
}

TEST(DecodeDetectnetV2, SuppressesWhatDbscanKeepsWhenHybrid) {
  expect_found(find_in_bccd({0.05, 0.4, 0.2, 4.0, Algorithm::kHybrid, 0.35, 1, 0.3}), "bccd_hybrid.txt");
}

// One class on a 2x1 grid over 32x16 pixels: the cells lie at (0.5, 0.5) and (16.5, 0.5). Boxes reach from
// the cell to `width` pixels right of it and to `height` below.
struct TwoCells {
  DetectnetV2Decoding how{1.0, 0.5, 32, 16, {{0.5, 0.5, 0.0, 0.0}}};
  std::vector<float> coverage{0.9F, 0.8F};
  std::vector<float> boxes{0, 0, 0, 0, 4, 4, 5, 5};  // left, left, top, top, right, right, bottom, bottom

  std::vector<Detection> decode() const { return decode_detectnet_v2(coverage, boxes, 2, 1, how); }
};

TEST(DecodeDetectnetV2, TakesOnlyWhatIsAboveItsThresholds) {
  TwoCells cells;
  EXPECT_EQ(cells.decode().size(), 2U);
  cells.how.classes[0].coverage_threshold = 0.8;  // the second cell has exactly float32(0.8)
  EXPECT_EQ(cells.decode().size(), 1U);
  cells.how.classes[0] = {0.5, 0.5, 0.8, 0.0};
  EXPECT_EQ(cells.decode().size(), 1U);
  cells.how.classes[0] = {0.5, 0.5, 0.0, 5.0};  // both boxes are exactly 5 high
  EXPECT_TRUE(cells.decode().empty());
  cells.how.classes[0] = {0.5, 0.5, 0.0, 4.999};
  EXPECT_EQ(cells.decode().size(), 2U);
}

TEST(DecodeDetectnetV2, StrikesOutTheWeakerOfTwoBoxesOfOneClassOnly) {
  TwoCells cells;
  cells.boxes = {0, 16, 0, 0, 20, 4, 5, 5};  // both cells propose 0.5 .. 20.5
  cells.coverage = {0.8F, 0.9F};
  ASSERT_EQ(cells.decode().size(), 1U);
  EXPECT_EQ(cells.decode()[0].confidence, 0.9F);
  cells.coverage = {0.9F, 0.9F};  // equal ones stay in the order of their cells
  EXPECT_EQ(cells.decode()[0].left, 0.5);

  const DetectnetV2Decoding::PerClass limits{0.5, 0.5, 0.0, 0.0};
  const DetectnetV2Decoding two_classes{1.0, 0.5, 32, 16, {limits, limits}};
  const std::vector<float> coverage{0.9F, 0, 0.9F, 0};
  const std::vector<float> boxes{0, 0, 0, 0, 4, 4, 5, 5, 0, 0, 0, 0, 4, 4, 5, 5};
  EXPECT_EQ(decode_detectnet_v2(coverage, boxes, 2, 1, two_classes).size(), 2U);
}

TEST(DecodeDetectnetV2, MakesOneBoxOfAClusterAndAddsItsCoverages) {
  TwoCells cells;
  cells.boxes = {0, 16, 0, 0, 20, 8, 5, 5};  // 0.5 .. 20.5 and 0.5 .. 24.5: IoU 0.83
  auto& limits = cells.how.classes[0];
  limits = {0.5, 0.5, 0.0, 0.0, Algorithm::kDbscan, 0.2, 1, 0.0};
  ASSERT_EQ(cells.decode().size(), 1U);
  EXPECT_NEAR(cells.decode()[0].right, 20.5 + 4 * 0.8 / 1.7, 1e-6);  // the second cell weighs 0.8 of 1.7
  EXPECT_NEAR(cells.decode()[0].confidence, 1.7, 1e-6);
  limits.dbscan_confidence_threshold = 1.71;
  EXPECT_TRUE(cells.decode().empty());
  limits.dbscan_confidence_threshold = 0;
  limits.dbscan_min_samples = 2;  // more than 1.7
  EXPECT_TRUE(cells.decode().empty());
  limits.dbscan_min_samples = 1;
  limits.dbscan_eps = 0.1;  // each alone weighs less than 1
  EXPECT_TRUE(cells.decode().empty());
  limits.dbscan_eps = 0.2;
  limits.confidence = Confidence::kMean;
  EXPECT_NEAR(cells.decode()[0].confidence, 0.5, 1e-6);
  cells.coverage = {0.9F, 0.9F};  // (0.9 - 0.9) / (0.9 - 0.9)
  EXPECT_TRUE(cells.decode().empty());
}

TEST(DecodeDetectnetV2, ClipsToThePictureAndNeverTurnsABoxInsideOut) {
  TwoCells cells;
  cells.boxes = {100, 0, 100, 0, 100, -3, 100, -3};
  const auto found = cells.decode();
  ASSERT_EQ(found.size(), 1U);  // the second box, which would end before it begins, has no height
  EXPECT_EQ(found[0].left, 0);
  EXPECT_EQ(found[0].top, 0);
  EXPECT_EQ(found[0].right, 32);
  EXPECT_EQ(found[0].bottom, 16);
}

TEST(DecodeDetectnetV2, RefusesNumbersThatDoNotFit) {
  const auto error = [](const TwoCells& cells, int width = 2, int height = 1) {
    try {
      decode_detectnet_v2(cells.coverage, cells.boxes, width, height, cells.how);
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), Kind::kBadInput);
      return e.line();
    }
    return std::string("no error");
  };
  TwoCells cells;
  EXPECT_EQ(error(cells, 3), "coverage has 2 numbers, expected 1 classes x 1 x 3");
  EXPECT_EQ(error(cells, 0), "a grid of 0x1 on an input of 32x16, expected positive sizes");
  cells.boxes.pop_back();
  EXPECT_EQ(error(cells), "boxes has 7 numbers, expected 4 x 1 x 2 (4 a class)");
  cells = TwoCells();
  cells.how.classes.clear();
  EXPECT_EQ(error(cells), "coverage has 2 numbers, expected 0 classes x 1 x 2");
  cells = TwoCells();
  cells.boxes[3] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(error(cells), "boxes holds inf (channel 1, row 0, column 1), expected finite numbers");
  cells = TwoCells();
  cells.coverage[0] = std::nanf("");
  EXPECT_EQ(error(cells), "coverage holds nan (channel 0, row 0, column 0), expected finite numbers");
}

}  // namespace
}  // namespace etalon
