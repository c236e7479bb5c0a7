#include "etalon/report/comparison.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/images/drawing.hpp"

namespace etalon {
namespace {

constexpr int kBar = 15;  // a photo of less than 500 pixels: 7 dots of text and 4 above and below

Image grey_photo(int width, int height) {
  Image image;
  image.width = width;
  image.height = height;
  image.pixels.assign(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3, 100);
  return image;
}

Colour pixel(const Image& image, int x, int y) {
  const auto* p =
      image.pixels.data() +
      (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(x)) * 3;
  return {p[0], p[1], p[2]};
}

const std::vector<std::string> kLabels{"car", "bus"};

TEST(DetectionPicture, PutsABarAboveThePhoto) {
  const Image picture = detection_picture(grey_photo(200, 100), 100, 50, {}, kLabels, "FP32");
  EXPECT_EQ(picture.width, 200);
  EXPECT_EQ(picture.height, 100 + kBar);
  const Image photo = grey_photo(200, 100);
  EXPECT_TRUE(std::equal(photo.pixels.begin(), photo.pixels.end(), picture.pixels.begin() + 200 * kBar * 3));
  const Image other = detection_picture(photo, 100, 50, {}, kLabels, "INT8");
  EXPECT_NE(picture.pixels, other.pixels);  // the title is there to read
}

TEST(DetectionPicture, DrawsBoxesInThePhotosPixels) {
  const std::vector<Detection> found{{1, 20, 20, 40, 40, 0.9}};  // in an input of half the photo's size
  const Image picture = detection_picture(grey_photo(200, 100), 100, 50, found, kLabels, "FP32");
  const Colour line = class_colour(1), ground{100, 100, 100};
  EXPECT_EQ(pixel(picture, 40, kBar + 79), line);
  EXPECT_EQ(pixel(picture, 79, kBar + 60), line);
  EXPECT_EQ(pixel(picture, 80, kBar + 60), ground);
  EXPECT_EQ(pixel(picture, 60, kBar + 60), ground);
  EXPECT_EQ(pixel(picture, 60, kBar + 80), ground);
  EXPECT_EQ(pixel(picture, 40, kBar + 31), line);  // the tag above
  EXPECT_EQ(pixel(picture, 40, kBar + 30), ground);
}

TEST(DetectionPicture, CountsTheClassesInTheLegend) {
  const Image none = detection_picture(grey_photo(200, 100), 100, 50, {}, kLabels, "FP32");
  const std::vector<Detection> found{{0, 20, 20, 40, 40, 0.9}};
  const Image one = detection_picture(grey_photo(200, 100), 100, 50, found, kLabels, "FP32");
  const auto bar = [](const Image& image) {
    return std::vector<std::uint8_t>(image.pixels.begin(), image.pixels.begin() + 200 * kBar * 3);
  };
  EXPECT_NE(bar(none), bar(one));
}

TEST(DetectionPicture, BearsBoxesAndNamesFromAnywhere) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<Detection> wild{{7, -1e300, -kInfinity, 1e300, kInfinity, 0.5}, {0, 40, 40, 10, 10, 2.0}};
  const std::vector<std::string> long_names{std::string(5000, 'x'), "\n\xff"};
  const Image tiny = detection_picture(grey_photo(3, 2), 100, 50, wild, long_names, std::string(5000, 't'));
  EXPECT_EQ(tiny.width, 3);
  EXPECT_EQ(tiny.pixels.size(), 3U * static_cast<std::size_t>(tiny.height) * 3);
  EXPECT_THROW(detection_picture(grey_photo(3, 2), 0, 50, {}, kLabels, ""), Error);
}

TEST(ComparisonPicture, PutsTheTwoSideBySide) {
  const Image left = grey_photo(10, 5), right = grey_photo(20, 8);
  const Image both = comparison_picture(left, right);
  EXPECT_EQ(both.width, 10 + 4 + 20);
  EXPECT_EQ(both.height, 8);
  EXPECT_EQ(pixel(both, 12, 0), (Colour{255, 255, 255}));
}

}  // namespace
}  // namespace etalon
