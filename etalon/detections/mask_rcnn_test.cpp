#include "etalon/detections/mask_rcnn.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <numeric>
#include <string>

#include "etalon/base/message_of_test.hpp"

namespace etalon {
namespace {

TEST(DecodeMaskRcnn, PaintsTheMasksThatOpenCvPaints) {
  std::ifstream file(std::string(ETALON_DETECTIONS_TESTDATA) + "/masks.txt");
  std::string comment;
  std::getline(file, comment);
  int masks = 0;
  MaskRcnnDecoding how;
  float left = 0, top = 0, right = 0, bottom = 0;
  for (; file >> how.picture_width >> how.picture_height >> left >> top >> right >> bottom; ++masks) {
    SCOPED_TRACE(masks);
    std::size_t size = 0;
    file >> size;
    std::vector<float> logits(2 * size * size, -9.0F);  // of two classes, the first is background
    for (std::size_t i = size * size; i < logits.size(); ++i) file >> logits[i];
    std::string counts;
    int covered = 0;
    file >> covered >> counts;
    const std::vector<float> rows{top, left, bottom, right, 1, 0.75F};
    const auto found = decode_mask_rcnn(rows, logits, {1, 2, static_cast<std::int64_t>(size)}, how);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(std::accumulate(found[0].mask.covered.begin(), found[0].mask.covered.end(), 0), covered);
    EXPECT_EQ(coco_counts(found[0].mask, how.picture_width, how.picture_height), counts);
  }
  EXPECT_EQ(masks, 9);
}

// Three rows of two classes besides background, masks of one cell, on a picture of 40x30.
struct ThreeRows {
  std::vector<float> rows{1, 2, 11, 12, 2, 0.9F, 0, 0, 5, 5, 1, 0.6F, 0, 0, 0, 0, -1, 0};
  std::vector<float> logits = std::vector<float>(9, 1.0F);
  MaskRcnnDecoding how{.picture_width = 40, .picture_height = 30};

  std::vector<MaskedDetection> decode() const { return decode_mask_rcnn(rows, logits, {3, 3, 1}, how); }
};

TEST(DecodeMaskRcnn, PutsBoxesIntoThePicturesPixelsAndLeavesPaddingOut) {
  ThreeRows three;
  three.how.picture_per_input_x = 2;
  three.how.picture_per_input_y = 1.5;
  const auto found = three.decode();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].box.class_index, 2U);
  EXPECT_EQ(found[0].box.left, 4);
  EXPECT_EQ(found[0].box.top, 1.5);
  EXPECT_EQ(found[0].box.right, 24);
  EXPECT_EQ(found[0].box.bottom, 16.5);
  EXPECT_EQ(found[0].box.confidence, 0.9F);
  EXPECT_EQ(found[1].box.class_index, 1U);  // its score is the threshold
}

TEST(DecodeMaskRcnn, KeepsWhatIsNotBelowTheThresholdAndAboveZero) {
  ThreeRows three;
  three.how.threshold = 0.61;
  EXPECT_EQ(three.decode().size(), 1U);
  three.how.threshold = 0;
  EXPECT_EQ(three.decode().size(), 2U);  // the third is padding
  three.rows[5] = 0;
  EXPECT_EQ(three.decode().size(), 1U);
  three.rows[10] = 0;  // background
  EXPECT_TRUE(three.decode().empty());
}

TEST(DecodeMaskRcnn, TakesTheMaskOfTheClassThatWasFound) {
  ThreeRows three;
  three.logits = {-1, -1, 1, -1, -1, 1, -1, -1, -1};  // covered: class 2 of rows 0 and 1
  const auto found = three.decode();
  const auto covered = [](const MaskedDetection& one) {
    return std::accumulate(one.mask.covered.begin(), one.mask.covered.end(), 0);
  };
  EXPECT_GT(covered(found[0]), 0);
  EXPECT_EQ(covered(found[1]), 0);
}

TEST(DecodeMaskRcnn, ClipsAtThePictureAndDropsWhatLiesBesideIt) {
  ThreeRows three;
  three.rows = {-1e30F, -5, 1e30F, 1e30F, 1, 0.9F, 3, 40, 10, 50, 1, 0.8F, 9, 9, 3, 3, 1, 0.7F};
  const auto found = three.decode();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].box.left, 0);
  EXPECT_EQ(found[0].box.top, 0);
  EXPECT_EQ(found[0].box.right, 40);
  EXPECT_EQ(found[0].box.bottom, 30);
  EXPECT_LE(found[0].mask.left + found[0].mask.width, 40);
  EXPECT_LE(found[0].mask.top + found[0].mask.height, 30);
}

TEST(DecodeMaskRcnn, RefusesNumbersThatDoNotFit) {
  const auto refusal = [](const std::function<void(ThreeRows&)>& spoil) {
    ThreeRows three;
    spoil(three);
    return message_of([&] { three.decode(); });
  };
  EXPECT_EQ(refusal([](ThreeRows& t) { t.rows.pop_back(); }),
            "the detections have 17 numbers, expected 3 x 6");
  EXPECT_EQ(refusal([](ThreeRows& t) { t.logits.pop_back(); }),
            "the masks have 8 numbers, expected 3 x 3 x 1 x 1");
  EXPECT_EQ(refusal([](ThreeRows& t) { t.rows[4] = 3; }), "detection 0 is of class 3, expected -1 to 2");
  EXPECT_EQ(refusal([](ThreeRows& t) { t.rows[4] = 0.5F; }), "detection 0 is of class 0.5, expected -1 to 2");
  EXPECT_EQ(refusal([](ThreeRows& t) { t.rows[6] = std::nanf(""); }),
            "detection 1 holds nan, expected finite numbers");
  EXPECT_EQ(refusal([](ThreeRows& t) { t.logits[2] = std::numeric_limits<float>::infinity(); }),
            "the mask of detection 0 holds numbers that are not finite");
  EXPECT_EQ(message_of([] {
              decode_mask_rcnn({}, {}, {0, 3, 1}, {.picture_width = 4, .picture_height = 4});
            }),
            "0 detections of 3 classes with masks of 1 cells a side");
}

}  // namespace
}  // namespace etalon
