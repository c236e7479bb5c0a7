#include "etalon/detections/kitti.hpp"

#include <gtest/gtest.h>

namespace etalon {
namespace {

TEST(KittiLine, HasSixteenFieldsAsTaosInferenceWritesThem) {
  EXPECT_EQ(kitti_line("car", {0, 1, 2.0625, 3.5, 1234.56789, 0.98765}),
            "car 0.00 0 0.00 1.000 2.062 3.500 1234.568 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.988\n");
}

TEST(KittiLine, KeepsANameOneWord) {
  EXPECT_EQ(kitti_line("a b\n\tc", {}).substr(0, 7), "a_b__c ");
  EXPECT_EQ(kitti_line("", {}).substr(0, 2), "_ ");
}

}  // namespace
}  // namespace etalon
