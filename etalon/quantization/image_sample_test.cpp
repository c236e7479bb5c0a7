#include "etalon/quantization/image_sample.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/quantization/corrections_test.hpp"

namespace etalon {
namespace {

using ::testing::ElementsAre;

TEST(ImageSample, IsSpreadEvenly) {
  EXPECT_THAT(image_sample(formula_images(10), 4), ElementsAre(0, 2, 5, 7));
  EXPECT_THAT(image_sample(formula_images(3), 32), ElementsAre(0, 1, 2));
}

TEST(ImageSample, IsTheBeginningOfAStream) {
  CalibrationImages images = formula_images(10);
  images.begin = [](std::size_t) {};
  EXPECT_THAT(image_sample(images, 4), ElementsAre(0, 1, 2, 3));
}

}  // namespace
}  // namespace etalon
