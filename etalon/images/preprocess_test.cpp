#include "etalon/images/preprocess.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "etalon/base/error.hpp"
#include "etalon/images/resize.hpp"
#include "etalon/images/testdata_test.hpp"

namespace etalon {
namespace {

TEST(PrepareCalibrationImage, GivesNumPysFloats) {
  auto lines = lines_of("expected.txt", "prepare ");
  ASSERT_EQ(lines.size(), 28U * 5U);
  for (auto& line : lines) {
    std::string name, order, layout;
    int width = 0, height = 0;
    std::uint32_t floats = 0;
    Preprocessing how;
    line >> name >> width >> height >> order >> how.mean[0] >> how.mean[1] >> how.mean[2] >> how.scale >> layout >>
        floats;
    how.order = order == "rgb" ? ChannelOrder::kRgb : order == "bgr" ? ChannelOrder::kBgr : ChannelOrder::kGrey;
    how.layout = layout == "nchw" ? Layout::kNchw : Layout::kNhwc;
    std::vector<float> out(static_cast<std::size_t>(width * height * (order == "grey" ? 1 : 3)));
    prepare_calibration_image(picture(name), width, height, how, out);
    EXPECT_EQ(crc_of(out), floats) << name << " as " << order << ' ' << layout;
  }
}

TEST(PrepareCalibrationImage, RefusesASpanOfAnotherSize) {
  std::vector<float> out(10 * 10);
  EXPECT_THROW(prepare_calibration_image(picture("rgb.png"), 10, 10, {}, out), Error);
}

TEST(Preprocessing, KnowsItsExtremes) {
  // The input ranges that TAO's exporter finds for these networks: 1, 255 - 103.939, (255 - 103.53) * 0.017507.
  EXPECT_EQ(Preprocessing{}.lowest(), 0.0);
  EXPECT_FLOAT_EQ(static_cast<float>(Preprocessing{}.highest()), 1.0F);
  const Preprocessing caffe{ChannelOrder::kBgr, {103.939, 116.779, 123.68}, 1.0, Layout::kNchw};
  EXPECT_FLOAT_EQ(static_cast<float>(caffe.lowest()), -123.68F);
  EXPECT_FLOAT_EQ(static_cast<float>(caffe.highest()), 151.061F);
  const Preprocessing mask_rcnn{ChannelOrder::kRgb, {123.675, 116.280, 103.53}, 0.017507, Layout::kNchw};
  EXPECT_FLOAT_EQ(static_cast<float>(mask_rcnn.highest()), 2.6517853F);
  const Preprocessing grey{ChannelOrder::kGrey, {117.3786, 500.0, -500.0}, -1.0, Layout::kNchw};
  EXPECT_FLOAT_EQ(static_cast<float>(grey.lowest()), -137.6214F);
  EXPECT_FLOAT_EQ(static_cast<float>(grey.highest()), 117.3786F);
}

// Real photographs, decoded, resized and turned into floats: the data set itself is not part of the project.
TEST(PrepareCalibrationImage, GivesPillowsNumbersForTheBccdPictures) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA does not name the data folder";
  auto lines = lines_of("bccd_crc32.txt", "");
  ASSERT_EQ(lines.size(), 64U);
  for (auto& line : lines) {
    std::string name;
    std::uint32_t file = 0, pixels = 0, small = 0, large = 0, floats = 0;
    line >> name >> file >> pixels >> small >> large >> floats;
    SCOPED_TRACE(name);
    const Bytes bytes = read_file(std::filesystem::path(data) / "bccd" / name);
    ASSERT_EQ(crc_of(bytes.data(), bytes.size()), file) << "another picture than the list was made from";
    const Image image = decode_image(bytes);
    EXPECT_EQ(crc_of(image.pixels), pixels);
    EXPECT_EQ(crc_of(resize_lanczos(image, 320, 240).pixels), small);
    EXPECT_EQ(crc_of(resize_lanczos(image, 960, 544).pixels), large);
    std::vector<float> out(3 * 320 * 240);
    prepare_calibration_image(image, 320, 240, {}, out);
    EXPECT_EQ(crc_of(out), floats);
  }
}

}  // namespace
}  // namespace etalon
