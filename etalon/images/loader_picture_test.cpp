#include "etalon/images/loader_picture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "etalon/base/error.hpp"
#include "etalon/base/message_of_test.hpp"
#include "etalon/images/image.hpp"
#include "etalon/images/testdata_test.hpp"

namespace etalon {
namespace {

using testing::HasSubstr;

// HOW of testdata/loader_expected.txt.
LoaderPreprocessing preprocessing_of(std::istream& line) {
  LoaderPreprocessing how;
  std::string numerics;
  line >> numerics >> how.channels >> how.output_width >> how.output_height >> how.auto_resize >>
      how.canvas_width >> how.canvas_height >> how.scale_width >> how.scale_height >> how.crop_left >>
      how.crop_top >> how.crop_right >> how.crop_bottom;
  how.numerics = numerics == "multisource" ? LoaderNumerics::kMultisource : LoaderNumerics::kLegacy;
  return how;
}

std::vector<float> floats_of(const LoaderPreprocessing& how) {
  const PictureSize size = loader_size(how);
  return std::vector<float>(static_cast<std::size_t>(size.width * size.height * how.channels));
}

std::vector<float> prepared(ByteView file, const LoaderPreprocessing& how) {
  std::vector<float> out = floats_of(how);
  prepare_loader_picture(file, LoaderFile::kPicture, how, out);
  return out;
}

TEST(DecodeImage, GivesTensorFlowsPixels) {
  auto lines = lines_of("loader_expected.txt", "decode ");
  ASSERT_EQ(lines.size(), 78U);
  for (auto& line : lines) {
    std::string name, transform, pixels;
    int channels = 0;
    line >> name >> channels >> transform >> pixels;
    SCOPED_TRACE(name + " to " + std::to_string(channels) + " channels, " + transform);
    const Decoding how{static_cast<Channels>(channels),
                       transform == "fast" ? JpegTransform::kFast : JpegTransform::kAccurate};
    const Bytes file = read_file(testdata(name));
    if (pixels == "refused") {
      EXPECT_THROW(decode_image(file, how), Error);
      continue;
    }
    const Image image = decode_image(file, how);
    EXPECT_EQ(image.mode, channels == 1 ? PixelMode::kGrey : PixelMode::kRgb);
    EXPECT_EQ(std::to_string(crc_of(image.pixels)), pixels);
  }
}

TEST(PrepareLoaderPicture, GivesTheNumbersOfTensorFlowAndNumPy) {
  auto lines = lines_of("loader_expected.txt", "loader ");
  ASSERT_EQ(lines.size(), 5U * 19U);
  for (auto& line : lines) {
    std::string name;
    std::uint32_t floats = 0;
    line >> name;
    const LoaderPreprocessing how = preprocessing_of(line);
    line >> floats;
    EXPECT_EQ(crc_of(prepared(read_file(testdata(name)), how)), floats) << line.str();
  }
}

TEST(PrepareLoaderPicture, ReadsFilesOfHalfFloats) {
  auto lines = lines_of("loader_expected.txt", "halves ");
  ASSERT_EQ(lines.size(), 3U);
  for (auto& line : lines) {
    std::string name;
    PictureSize recorded;
    std::uint32_t floats = 0;
    line >> name >> recorded.width >> recorded.height;
    const LoaderPreprocessing how = preprocessing_of(line);
    line >> floats;
    std::vector<float> out = floats_of(how);
    prepare_loader_picture(read_file(testdata(name)), LoaderFile::kHalfFloats, how, out, recorded);
    EXPECT_EQ(crc_of(out), floats) << line.str();
  }
}

// Batches that NVIDIA's own loaders made of real photographs; the data set is not part of the project.
TEST(PrepareLoaderPicture, GivesNvidiasNumbersForTheBccdPictures) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA does not name the data folder";
  auto lines = lines_of("loader_expected.txt", "nvidia ");
  ASSERT_EQ(lines.size(), 20U);
  for (auto& line : lines) {
    std::string name, kind;
    std::uint32_t expected = 0;
    line >> name;
    const LoaderPreprocessing how = preprocessing_of(line);
    line >> kind >> expected;
    const std::vector<float> out = prepared(read_file(std::filesystem::path(data) / name), how);
    if (kind == "levels") {  // what was kept is the nearest of 256 levels
      std::vector<std::uint8_t> levels;
      for (const float value : out) levels.push_back(static_cast<std::uint8_t>(std::lround(value * 255)));
      EXPECT_EQ(crc_of(levels), expected) << line.str();
    } else {
      EXPECT_EQ(crc_of(out), expected) << line.str();
    }
  }
}

LoaderPreprocessing multisource(int width, int height) {
  LoaderPreprocessing how;
  how.output_width = how.canvas_width = width;
  how.output_height = how.canvas_height = height;
  return how;
}

LoaderPreprocessing legacy(int width, int height) {
  LoaderPreprocessing how = multisource(width, height);
  how.numerics = LoaderNumerics::kLegacy;
  return how;
}

TEST(PrepareLoaderPicture, PadsWithZerosInsideTheCanvasAndWithGreyOutside) {
  const Bytes grey = read_file(testdata("grey.png"));  // 37 x 23
  LoaderPreprocessing how = multisource(50, 30);
  how.channels = 1;
  how.crop_left = 40, how.crop_top = 25, how.crop_right = 60, how.crop_bottom = 35;
  const std::vector<float> out = prepared(grey, how);
  for (std::size_t y = 0; y < 10; ++y)
    for (std::size_t x = 0; x < 20; ++x)
      ASSERT_EQ(out[y * 20 + x], x < 10 && y < 5 ? 0.0F : 0.5F) << x << ", " << y;
  how.numerics = LoaderNumerics::kLegacy;
  EXPECT_THAT(prepared(grey, how), testing::Each(0.0F));  // 50 x 30 from 40, 25: beyond the picture
}

TEST(PrepareLoaderPicture, ComputesInHalvesForMultisourceOnly) {
  // 104 / 255 in float16 is 0.407958984375, 104 * float16(1 / 255) the half below it (NumPy).
  const auto at_104 = [](const LoaderPreprocessing& how) {
    Image image;
    image.mode = PixelMode::kGrey;
    image.width = image.height = 1;
    image.pixels = {104};
    std::vector<float> out(3);
    prepare_loader_picture(as_bytes(encode_png(image)), LoaderFile::kPicture, how, out);
    return out[0];
  };
  EXPECT_EQ(at_104(multisource(1, 1)), 0.40771484375F);
  EXPECT_EQ(at_104(legacy(1, 1)), 104.0F * (1.0F / 255.0F));
}

TEST(LoaderSize, IsTheCropsForMultisourceAndTheOutputsOtherwise) {
  LoaderPreprocessing how = multisource(64, 48);
  EXPECT_EQ(loader_size(how).width, 64);
  EXPECT_EQ(loader_size(how).height, 48);
  how.crop_left = 10, how.crop_right = 30, how.crop_bottom = 8;
  EXPECT_EQ(loader_size(how).width, 20);
  EXPECT_EQ(loader_size(how).height, 8);
  how.numerics = LoaderNumerics::kLegacy;
  EXPECT_EQ(loader_size(how).width, 64);
  EXPECT_EQ(loader_size(how).height, 48);
}

TEST(LoaderSize, RefusesWhatCannotBe) {
  struct Case {
    void (*change)(LoaderPreprocessing&);
    const char* says;
  };
  const Case cases[]{
      {[](LoaderPreprocessing& how) { how.channels = 4; }, "output_image_channel is 4"},
      {[](LoaderPreprocessing& how) { how.output_width = 0; }, "0 x 48 pixels"},
      {[](LoaderPreprocessing& how) { how.output_height = -5; }, "output_image_height"},
      {[](LoaderPreprocessing& how) { how.output_width = 70000; }, "70000 x 48"},
      {[](LoaderPreprocessing& how) { how.crop_left = 5; }, "crop_left .. crop_right is 5 .. 0"},
      {[](LoaderPreprocessing& how) { how.crop_left = -1, how.crop_right = 5, how.crop_bottom = 3; },
       "is -1 .. 5"},
      {[](LoaderPreprocessing& how) { how.crop_right = 5, how.crop_top = how.crop_bottom = 3; },
       "crop_top .. crop_bottom is 3 .. 3"},
      {[](LoaderPreprocessing& how) {
         how.crop_right = 2'000'000'000;
         how.crop_bottom = 2'000'000'000;
       },
       "2000000000"},
      {[](LoaderPreprocessing& how) { how.scale_width = -1; }, "scale_width is -1"},
      {[](LoaderPreprocessing& how) { how.scale_height = 1e-30F; }, "scale_height is 1e-30"},
      {[](LoaderPreprocessing& how) { how.scale_height = std::numeric_limits<float>::infinity(); },
       "scale_height"},
      {[](LoaderPreprocessing& how) { how.scale_width = std::numeric_limits<float>::quiet_NaN(); },
       "scale_width"},
  };
  for (const auto& wrong : cases) {
    LoaderPreprocessing how = multisource(64, 48);
    wrong.change(how);
    EXPECT_THAT(message_of([&] { loader_size(how); }), HasSubstr(wrong.says));
  }
}

TEST(LoaderSize, PassesOverWhatTheLegacyLoadersPassOver) {
  LoaderPreprocessing how = legacy(64, 48);
  how.crop_left = 5;
  how.scale_width = -1;
  EXPECT_EQ(message_of([&] { loader_size(how); }), "no error");
}

TEST(PrepareLoaderPicture, RefusesWhatDoesNotFit) {
  const Bytes file = read_file(testdata("rgb.png"));  // 37 x 23
  EXPECT_THAT(message_of([&] { prepared(file, multisource(36, 30)); }), HasSubstr("37 x 23 pixels"));
  EXPECT_THAT(message_of([&] { prepared(file, multisource(40, 22)); }), HasSubstr("at most 40 x 22"));
  LoaderPreprocessing huge = multisource(40, 30);
  huge.canvas_width = std::numeric_limits<int>::max();
  EXPECT_THAT(message_of([&] { prepared(file, huge); }), HasSubstr("records"));
  std::vector<float> few(5);
  EXPECT_THROW(prepare_loader_picture(file, LoaderFile::kPicture, legacy(4, 4), few), Error);
  EXPECT_THAT(message_of([&] { prepared(as_bytes("GIF89a..."), legacy(4, 4)); }), HasSubstr("a GIF"));
  EXPECT_THAT(message_of([&] {
                LoaderPreprocessing grey = legacy(4, 4);
                grey.channels = 1;
                prepared(read_file(testdata("cmyk.jpg")), grey);
              }),
              HasSubstr("CMYK"));
}

TEST(PrepareLoaderPicture, RefusesHalfFloatsOfAnotherSizeOrThatAreNoNumbers) {
  Bytes file = read_file(testdata("colours.fp16"));  // 3 x 5 x 7
  const auto said = [&](const LoaderPreprocessing& how, PictureSize recorded) {
    std::vector<float> out = floats_of(how);
    return message_of([&] { prepare_loader_picture(file, LoaderFile::kHalfFloats, how, out, recorded); });
  };
  EXPECT_EQ(said(legacy(4, 4), {7, 5}), "no error");
  EXPECT_THAT(said(legacy(4, 4), {8, 5}), HasSubstr("210 bytes of half floats, expected 240"));
  EXPECT_THAT(said(legacy(4, 4), {}), HasSubstr("0 x 0 pixels"));
  EXPECT_THAT(said(legacy(4, 4), {-7, -5}), HasSubstr("0 x 0 pixels"));
  EXPECT_THAT(said(multisource(7, 5), {7, 5}), HasSubstr("MULTISOURCE"));
  file[21] = std::byte{0x7e};
  EXPECT_THAT(said(legacy(4, 4), {7, 5}), HasSubstr("half float 10 is nan"));
}

}  // namespace
}  // namespace etalon
