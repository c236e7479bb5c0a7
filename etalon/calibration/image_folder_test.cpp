#include "etalon/calibration/image_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "etalon/base/error.hpp"
#include "etalon/calibration/scratch_folder.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

TEST(ListCalibrationImages, TakesWhatTaoTakesSortedByName) {
  const ScratchFolder folder;
  for (const char* name : {"b.png", "a.jpeg", "c.jpg", "png", ".jpg", "d.PNG", "e.bmp", "f.jpg.txt", "g"}) std::ofstream(folder.path() / name) << "x";
  fs::create_directories(folder.path() / "folder.png");
  fs::create_symlink(folder.path() / "nowhere", folder.path() / "broken.png");
  std::vector<std::string> names;
  for (const auto& path : list_calibration_images(folder.path())) {
    EXPECT_EQ(path.parent_path(), folder.path());
    names.push_back(path.filename().string());
  }
  EXPECT_THAT(names, testing::ElementsAre(".jpg", "a.jpeg", "b.png", "c.jpg", "png"));
}

TEST(ListCalibrationImages, FindsNoneInAnEmptyFolder) { EXPECT_TRUE(list_calibration_images(ScratchFolder().path()).empty()); }

TEST(ListCalibrationImages, RefusesWhatIsNoFolder) {
  const ScratchFolder folder;
  std::ofstream(folder.path() / "file") << "x";
  EXPECT_THROW(list_calibration_images(folder.path() / "file"), Error);
  try {
    list_calibration_images(folder.path() / "missing");
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kBadInput);
    EXPECT_THAT(error.line(), testing::HasSubstr("does not exist"));
  }
}

// testdata/make_testdata.py draws by an implementation of its own.
TEST(DrawWithoutReplacement, DrawsWhatTheDescriptionSays) {
  std::ifstream file(ETALON_CALIBRATION_TESTDATA "/draws.txt");
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    std::istringstream words(line);
    std::size_t available = 0, count = 0;
    std::uint64_t seed = 0;
    words >> available >> count >> seed;
    std::vector<std::size_t> expected(count);
    for (auto& number : expected) words >> number;
    ASSERT_TRUE(words) << line;
    EXPECT_EQ(draw_without_replacement(available, count, seed), expected) << line;
  }
  EXPECT_EQ(lines, 6);
}

TEST(DrawWithoutReplacement, DrawsEachOnceAndASmallDrawBeginsALargeOne) {
  const auto all = draw_without_replacement(100, 100, 42);
  EXPECT_EQ(std::set<std::size_t>(all.begin(), all.end()).size(), 100U);
  const auto some = draw_without_replacement(100, 17, 42);
  EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin()));
  EXPECT_NE(draw_without_replacement(100, 17, 43), some);
  EXPECT_TRUE(draw_without_replacement(0, 0, 42).empty());
}

TEST(DrawWithoutReplacement, GivesEachItsChance) {
  std::vector<int> first(5);
  for (std::uint64_t seed = 0; seed < 5000; ++seed) ++first[draw_without_replacement(5, 1, seed)[0]];
  for (const int count : first) EXPECT_NEAR(count, 1000, 120);  // 4 standard deviations of a fair draw are 113
}

TEST(LoadCalibrationImage, NamesTheFileInItsErrors) {
  const ScratchFolder folder;
  const fs::path path = folder.path() / "broken.png";
  std::ofstream(path) << "this is no picture";
  std::vector<float> out(3 * 4 * 4);
  try {
    load_calibration_image(path, 4, 4, {}, out);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kBadInput);
    EXPECT_THAT(error.line(), testing::HasSubstr("broken.png"));
  }
}

}  // namespace
}  // namespace etalon
