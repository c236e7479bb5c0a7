#include "etalon/calibration/image_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "etalon/base/error.hpp"
#include "etalon/calibration/random_draw.hpp"
#include "etalon/calibration/scratch_folder.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

TEST(ListCalibrationImages, TakesWhatTaoTakesSortedByName) {
  const ScratchFolder folder;
  for (const char* name : {"b.png", "a.jpeg", "c.jpg", "png", ".jpg", "d.PNG", "e.bmp", "f.jpg.txt", "g"})
    std::ofstream(folder.path() / name) << "x";
  fs::create_directories(folder.path() / "folder.png");
  fs::create_symlink(folder.path() / "nowhere", folder.path() / "broken.png");
  std::vector<std::string> names;
  for (const auto& path : list_calibration_images(folder.path())) {
    EXPECT_EQ(path.parent_path(), folder.path());
    names.push_back(path.filename().string());
  }
  EXPECT_THAT(names, testing::ElementsAre(".jpg", "a.jpeg", "b.png", "c.jpg", "png"));
}

TEST(ListImages, TakesEndingsInAnyCase) {
  const ScratchFolder folder;
  for (const char* name : {"a.JPG", "b.Png", "c.jpeg", "png", "d.txt"})
    std::ofstream(folder.path() / name) << "x";
  std::vector<std::string> names;
  for (const auto& path : list_images(folder.path())) names.push_back(path.filename().string());
  EXPECT_THAT(names, testing::ElementsAre("a.JPG", "b.Png", "c.jpeg"));
}

TEST(ListCalibrationImages, FindsNoneInAnEmptyFolder) {
  EXPECT_TRUE(list_calibration_images(ScratchFolder().path()).empty());
}

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

TEST(ImagesFromFolders, DrawsFromAllFoldersTogether) {
  const ScratchFolder folder;
  for (const char* name : {"a/1.png", "a/2.png", "b/1.png", "b/3.jpg"}) {
    fs::create_directories((folder.path() / name).parent_path());
    std::ofstream(folder.path() / name) << "x";
  }
  const std::vector<fs::path> folders{folder.path() / "b", folder.path() / "a"};
  const auto draw = [&](std::uint64_t batches, std::uint64_t seed) {
    return images_from_folders(folders, batches, 2, seed, {3, 4, 4}, {});
  };
  const CalibrationImages all = draw(2, 42);
  EXPECT_EQ(all.ids, all.names) << "names alone would not tell the folders apart";
  EXPECT_THAT(all.source, testing::HasSubstr("4 of the 4 images"));
  // In the order of the draw over b's files, then a's.
  const std::vector<fs::path> listed{folders[0] / "1.png", folders[0] / "3.jpg", folders[1] / "1.png",
                                     folders[1] / "2.png"};
  const auto drawn = draw_without_replacement(4, 4, 42);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(all.names[i], listed[drawn[i]].string());
  EXPECT_EQ(draw(1, 42).names, std::vector<std::string>(all.names.begin(), all.names.begin() + 2));
  EXPECT_EQ(images_from_folders({folders[0]}, 1, 1, 42, {3, 4, 4}, {}).ids[0].find('/'), std::string::npos);
  EXPECT_THROW(images_from_folders({folders[0], folder.path() / "a/../b"}, 1, 1, 42, {3, 4, 4}, {}), Error)
      << "one folder twice";
  try {
    draw(3, 42);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(
        error.problem(),
        testing::HasSubstr("have 4 images (jpg, jpeg, png), but --batches 3 x --batch_size 2 asks for 6"));
  }
}

TEST(ImagesFromFolders, AreKnownByWhatIsDrawnAndHowItIsPrepared) {
  const ScratchFolder one, other;
  for (const auto& folder : {one.path(), other.path()})
    for (const char* name : {"1.png", "2.png", "3.png"}) std::ofstream(folder / name) << name;
  const auto identity = [](const fs::path& folder, std::uint64_t seed = 42, const InputSize& size = {3, 4, 4},
                           const Preprocessing& how = {}) {
    return images_from_folders({folder}, 3, 1, seed, size, how).identity();
  };
  const std::string known = identity(one.path());
  EXPECT_EQ(identity(other.path()), known) << "where a folder lies does not matter";
  EXPECT_NE(identity(one.path(), 44), known);
  EXPECT_NE(identity(one.path(), 42, {3, 4, 8}), known);
  EXPECT_NE(identity(one.path(), 42, {3, 4, 4}, {.scale = 1}), known);
  EXPECT_NE(identity(one.path(), 42, {3, 4, 4}, {.order = ChannelOrder::kBgr}), known);
  std::ofstream(other.path() / "2.png") << "longer";
  EXPECT_NE(identity(other.path()), known);
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
