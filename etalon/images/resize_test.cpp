#include "etalon/images/resize.hpp"

#include <gtest/gtest.h>

#include <hwy/highway.h>

#include "etalon/base/error.hpp"
#include "etalon/images/testdata_test.hpp"

namespace etalon {
namespace {

void compare_with_pillow() {
  auto lines = lines_of("expected.txt", "resize ");
  ASSERT_EQ(lines.size(), 28U * 9U);
  for (auto& line : lines) {
    std::string name;
    int width = 0, height = 0;
    std::uint32_t pixels = 0;
    line >> name >> width >> height >> pixels;
    const Image before = picture(name);
    const Image image = resize_lanczos(before, width, height);
    EXPECT_EQ(image.mode, before.mode);
    EXPECT_EQ(image.palette, before.palette);
    EXPECT_EQ(crc_of(image.pixels), pixels) << name << " to " << width << " x " << height;
  }
}

TEST(ResizeLanczos, GivesPillowsBytes) { compare_with_pillow(); }

TEST(ResizeLanczos, GivesTheSameBytesWithEveryInstructionSet) {
  const std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  EXPECT_GE(targets.size(), 2U);
  for (const std::int64_t target : targets) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(target);
    compare_with_pillow();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

TEST(ResizeLanczos, CopiesAPictureOfThatSizeAlready) {
  // Not even alpha is multiplied in and divided out again, which would lose colour under small alphas.
  const Image image = picture("rgba.png");
  EXPECT_EQ(resize_lanczos(image, image.width, image.height).pixels, image.pixels);
}

TEST(ResizeLanczos, KeepsAnEvenPictureEvenAtAnySize) {
  Image image;
  image.mode = PixelMode::kRgb;
  image.width = 3;
  image.height = 1000;
  for (int i = 0; i < 3000; ++i) image.pixels.insert(image.pixels.end(), {0, 77, 255});
  for (const auto& [width, height] : {std::pair{1, 1}, {65535, 2}, {2, 65535}, {1000, 3}, {65, 999}}) {
    const Image out = resize_lanczos(image, width, height);
    for (std::size_t i = 0; i < out.pixels.size(); i += 3) {
      // Rounding each weight to 22 bits may cost a level over a thousand weights.
      ASSERT_EQ(out.pixels[i], 0);
      ASSERT_NEAR(out.pixels[i + 1], 77, 1);
      ASSERT_GE(out.pixels[i + 2], 254);
    }
  }
}

TEST(ResizeLanczos, RefusesSizesThatNoPictureHas) {
  const Image image = picture("grey.png");
  EXPECT_THROW(resize_lanczos(image, 0, 10), Error);
  EXPECT_THROW(resize_lanczos(image, 10, -1), Error);
  EXPECT_THROW(resize_lanczos(image, 65536, 1), Error);
  EXPECT_THROW(resize_lanczos(image, 65535, 65535), Error);
  EXPECT_THROW(resize_lanczos(Image{}, 10, 10), Error);
}

TEST(Convert, LooksNowhereBeyondThePalette) {
  Image image;
  image.mode = PixelMode::kPalette;
  image.width = 3;
  image.height = 1;
  image.pixels = {0, 1, 255};
  image.palette = {{10, 20, 30}};
  EXPECT_EQ(to_rgb(image).pixels, (std::vector<std::uint8_t>{10, 20, 30, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(to_grey(image).pixels, (std::vector<std::uint8_t>{18, 0, 0}));  // 0.299 * 10 + 0.587 * 20 + 0.114 * 30
}

}  // namespace
}  // namespace etalon
