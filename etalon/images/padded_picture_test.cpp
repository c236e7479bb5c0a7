#include "etalon/images/padded_picture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "etalon/base/message_of_test.hpp"
#include "etalon/images/testdata_test.hpp"

namespace etalon {
namespace {

using testing::HasSubstr;

PaddedPreprocessing into(int height, int width, int stride = 64) {
  PaddedPreprocessing how;
  how.height = height, how.width = width, how.stride = stride;
  return how;
}

Image rgb(int height, int width, std::uint8_t level) {
  return {PixelMode::kRgb,
          width,
          height,
          std::vector<std::uint8_t>(static_cast<std::size_t>(height * width) * 3, level),
          {}};
}

TEST(PreparePaddedPicture, GivesTensorFlowsNumbers) {
  std::size_t compared = 0;
  for (auto& line : lines_of("padded_expected.txt", "picture ")) {
    std::string name;
    int height = 0, width = 0;
    std::size_t step = 0;
    line >> name >> height >> width >> step;
    const PaddedPreprocessing how = into(height, width);
    const PaddedSize size = padded_size(how);
    std::vector<float> out(3 * size.area(), std::nanf(""));
    prepare_padded_picture(decode_image(read_file(testdata(name)), kPaddedDecoding), how, out);
    for (std::size_t y = 0; y < static_cast<std::size_t>(size.height); y += step)
      for (std::size_t x = 0; x < static_cast<std::size_t>(size.width); x += step)
        for (std::size_t c = 0; c < 3; ++c, ++compared) {
          float expected = 0;
          ASSERT_TRUE(line >> expected) << name;
          const float found = out[c * size.area() + y * static_cast<std::size_t>(size.width) + x];
          ASSERT_NEAR(found, expected, 2e-7) << name << ' ' << y << ' ' << x << ' ' << c;
        }
    EXPECT_FALSE(line >> name) << "there are more";
  }
  EXPECT_GT(compared, 1500U);
}

TEST(ScaledPicture, IsCutOffToWholePixelsInFloat32) {
  std::size_t compared = 0;
  for (auto& line : lines_of("padded_expected.txt", "size ")) {
    int h = 0, w = 0, height = 0, width = 0, new_h = 0, new_w = 0;
    float inverse = 0;
    ASSERT_TRUE(line >> h >> w >> height >> width >> new_h >> new_w >> inverse);
    const ScaledPicture scaled = scaled_picture(h, w, into(height, width));
    EXPECT_EQ(scaled.height, new_h) << h << ' ' << w << ' ' << height << ' ' << width;
    EXPECT_EQ(scaled.width, new_w) << h << ' ' << w << ' ' << height << ' ' << width;
    EXPECT_EQ(1.0F / scaled.scale, inverse);
    ++compared;
  }
  EXPECT_GT(compared, 40U);
}

TEST(PreparePaddedPicture, PadsWithZerosUpToTheStride) {
  const PaddedPreprocessing how = into(60, 100);
  EXPECT_EQ(padded_size(how).height, 64);
  EXPECT_EQ(padded_size(how).width, 128);
  std::vector<float> out(3 * 64 * 128, std::nanf(""));
  prepare_padded_picture(rgb(30, 50, 255), how, out);  // exactly twice as large
  for (std::size_t y = 0; y < 64; ++y)
    for (std::size_t x = 0; x < 128; ++x)
      ASSERT_EQ(out[y * 128 + x], y < 60 && x < 100 ? (1.0F - 0.485F) / 0.224F : 0.0F) << y << ' ' << x;
}

TEST(PreparePaddedPicture, RefusesWhatCannotBe) {
  std::vector<float> out(3 * 64 * 64);
  EXPECT_THAT(message_of([&] { prepare_padded_picture(rgb(1, 1000, 0), into(64, 64), out); }),
              HasSubstr("1000 x 1 pixels has none left on one side when scaled into 64 x 64"));
  EXPECT_THAT(message_of([] { padded_size(into(0, 64)); }), HasSubstr("64 x 0"));
  EXPECT_THAT(message_of([] { padded_size(into(64, -1)); }), HasSubstr("0 x 64"));
  EXPECT_THAT(message_of([] { padded_size(into(64, 64, 0)); }), HasSubstr("multiples of 0"));
  EXPECT_THAT(message_of([] { padded_size(into(64, 64, 1 << 20)); }), HasSubstr("multiples of 1048576"));
  EXPECT_THAT(message_of([] { padded_size(into(65535, 64, 64)); }), HasSubstr("65536"));
  std::vector<float> few(5);
  EXPECT_THROW(prepare_padded_picture(rgb(4, 4, 0), into(64, 64), few), Error);
  Image grey{PixelMode::kGrey, 4, 4, std::vector<std::uint8_t>(16), {}};
  EXPECT_THROW(prepare_padded_picture(grey, into(64, 64), out), Error);
}

}  // namespace
}  // namespace etalon
