#include "etalon/calibration/tensorfile_images.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "etalon/base/error.hpp"
#include "etalon/calibration/noise_images.hpp"
#include "etalon/calibration/scratch_folder.hpp"
#include "etalon/calibration/write_tensorfile.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

const InputSize kSize{3, 5, 7};

// Batches of three noise images.
fs::path write_noise(const fs::path& folder, std::uint64_t batches, int threads = 0, const char* name = "noise.h5") {
  SilentProgress progress;
  write_tensorfile(folder / name, noise_images(3 * batches, 1, kSize, {}), 3, kSize, TensorfileType::kFloat64, threads, progress);
  return folder / name;
}

std::vector<float> loaded(const CalibrationImages& images, std::size_t index) {
  std::vector<float> out(kSize.numbers());
  images.load(index, out);
  return out;
}

TEST(TensorfileImages, AreTheFirstRowsOfEachBatchInAnyOrderOfAsking) {
  const ScratchFolder folder;
  const fs::path file = write_noise(folder.path(), 5);
  const CalibrationImages noise = noise_images(15, 1, kSize, {});
  const CalibrationImages images = images_from_tensorfile(file, 4, 2, kSize);
  ASSERT_EQ(images.count(), 8U);
  EXPECT_EQ(images.names[3], "row 1 of batch 1");
  for (const std::size_t index : {0U, 2U, 1U, 3U, 5U, 4U, 6U, 7U, 1U, 0U, 7U, 3U}) {
    const std::size_t batch = index / 2, row = index % 2;
    EXPECT_EQ(loaded(images, index), loaded(noise, 3 * batch + row)) << index;
  }
}

TEST(TensorfileImages, HaveTheSameBytesForAnyNumberOfThreads) {
  const ScratchFolder folder;
  const auto bytes = [](const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(bytes(write_noise(folder.path(), 3, 1, "1.h5")), bytes(write_noise(folder.path(), 3, 4, "4.h5")));
}

TEST(TensorfileImages, RefuseWhatTheFileDoesNotHold) {
  const ScratchFolder folder;
  const fs::path file = write_noise(folder.path(), 2);
  const auto problem = [&](std::uint64_t batches, std::uint64_t batch_size, const InputSize& size) {
    try {
      images_from_tensorfile(file, batches, batch_size, size);
      return std::string("nothing was thrown");
    } catch (const Error& error) {
      return error.line();
    }
  };
  EXPECT_THAT(problem(3, 3, kSize), testing::HasSubstr("holds 2 batches, but --batches asks for 3"));
  EXPECT_THAT(problem(2, 4, kSize), testing::HasSubstr("batch 0 has 3 rows, but --batch_size asks for 4"));
  EXPECT_THAT(problem(2, 3, {3, 5, 8}), testing::HasSubstr("shape 3x3x5x7, but the network takes 3x5x8"));
  EXPECT_THAT(problem(2, 3, {3, 5, 8}), testing::HasSubstr("noise.h5"));
}

TEST(TensorfileImages, NameTheRowThatIsNotFinite) {
  const ScratchFolder folder;
  CalibrationImages images = noise_images(4, 1, kSize, {});
  images.fill = [](std::size_t index, const std::string&, std::span<float> out) {
    std::ranges::fill(out, 0.5F);
    if (index == 3) out[10] = std::numeric_limits<float>::quiet_NaN();
  };
  SilentProgress progress;
  const fs::path file = folder.path() / "odd.h5";
  write_tensorfile(file, images, 2, kSize, TensorfileType::kFloat32, 1, progress);
  const CalibrationImages read = images_from_tensorfile(file, 2, 2, kSize);
  EXPECT_EQ(loaded(read, 2)[10], 0.5F);
  try {
    loaded(read, 3);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.line(), testing::HasSubstr("row 1 of batch 1 holds a number that is NaN"));
    EXPECT_THAT(error.line(), testing::HasSubstr("odd.h5"));
  }
}

}  // namespace
}  // namespace etalon
