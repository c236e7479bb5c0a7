#include "etalon/detections/mask.hpp"

#include <gtest/gtest.h>

#include "etalon/base/message_of_test.hpp"

namespace etalon {
namespace {

// Expected texts are pycocotools'.
TEST(CocoCounts, AreThoseOfPycocotools) {
  EXPECT_EQ(coco_counts({0, 0, 0, 0, {}}, 4, 3), "<");
  EXPECT_EQ(coco_counts({0, 0, 4, 3, std::vector<std::uint8_t>(12, 1)}, 4, 3), "0<");
  EXPECT_EQ(coco_counts({1, 1, 2, 2, {1, 0, 1, 1}}, 4, 3), "422O1");
  EXPECT_EQ(coco_counts({3, 0, 1, 3, {1, 1, 1}}, 4, 3), "93");
}

TEST(CocoCounts, RefuseAMaskBesideItsPicture) {
  EXPECT_NE(message_of([] { coco_counts({3, 0, 2, 1, {1, 1}}, 4, 3); }), "no error");
  EXPECT_NE(message_of([] { coco_counts({0, 0, 2, 1, {1}}, 4, 3); }), "no error");
  EXPECT_NE(message_of([] { coco_counts({-1, 0, 1, 1, {1}}, 4, 3); }), "no error");
}

}  // namespace
}  // namespace etalon
