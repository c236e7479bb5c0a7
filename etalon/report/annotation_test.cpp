#include "etalon/report/annotation.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace etalon {
namespace {

constexpr Colour kGround{100, 100, 100}, kRed{200, 0, 0}, kBlue{0, 0, 200};

Image grey_photo(int width, int height) {
  Image image;
  image.width = width;
  image.height = height;
  image.pixels.assign(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3, 100);
  return image;
}

Colour pixel(const Image& image, int x, int y) {
  const auto* p = image.pixels.data() + (y * image.width + x) * 3;
  return {p[0], p[1], p[2]};
}

TEST(Annotate, DrawsBoxesInThePhotosPixelsAndTheSurestOnTop) {
  Image photo = grey_photo(200, 100);
  annotate(photo, std::vector<Annotation>{{.box = {0, 40, 40, 80, 80, 0.9}, .label = "a", .colour = kRed},
                                          {.box = {1, 40, 40, 90, 80, 0.4}, .label = "b", .colour = kBlue}});
  EXPECT_EQ(pixel(photo, 40, 70), kRed);
  EXPECT_EQ(pixel(photo, 89, 70), kBlue);
  EXPECT_EQ(pixel(photo, 90, 70), kGround);
  EXPECT_EQ(pixel(photo, 41, 70), kGround);
  EXPECT_EQ(pixel(photo, 40, 31), kRed);  // the tag above
}

TEST(Annotate, LaysTwoFifthsOfTheColourOverAMask) {
  Image photo = grey_photo(200, 100);
  const PictureMask mask{50, 60, 2, 2, {1, 0, 0, 1}};
  annotate(photo, std::vector<Annotation>{
                      {.box = {0, 40, 40, 80, 80, 0.9}, .label = "a", .colour = kRed, .mask = &mask}});
  const Colour mixed{140, 60, 60};
  EXPECT_EQ(pixel(photo, 50, 60), mixed);
  EXPECT_EQ(pixel(photo, 51, 60), kGround);
  EXPECT_EQ(pixel(photo, 51, 61), mixed);
}

TEST(Annotate, TakesTheLineWidthThatIsAskedForWithinReason) {
  Image photo = grey_photo(200, 100);
  const std::vector<Annotation> one{{.box = {0, 40, 40, 80, 80, 0.9}, .label = "a", .colour = kRed}};
  annotate(photo, one, 3);
  EXPECT_EQ(pixel(photo, 42, 70), kRed);
  EXPECT_EQ(pixel(photo, 43, 70), kGround);
  annotate(photo, one, std::numeric_limits<int>::max());
  EXPECT_EQ(pixel(photo, 60, 70), kRed);
  EXPECT_EQ(pixel(photo, 81, 70), kGround);
}

TEST(Annotate, BearsBoxesFromAnywhere) {
  Image photo = grey_photo(20, 10);
  const double infinity = std::numeric_limits<double>::infinity(),
               nan = std::numeric_limits<double>::quiet_NaN();
  annotate(photo,
           std::vector<Annotation>{
               {.box = {0, -infinity, nan, infinity, 1e300, nan}, .label = "\x1b[31m", .colour = kRed}});
  EXPECT_EQ(photo.pixels.size(), 600U);
}

}  // namespace
}  // namespace etalon
