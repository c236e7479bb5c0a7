#include "etalon/calibration/tensorfile_images.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <limits>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/base/ordered_work.hpp"
#include "etalon/calibration/noise_images.hpp"
#include "etalon/calibration/scratch_folder.hpp"
#include "etalon/calibration/write_tensorfile.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

const InputSize kSize{3, 5, 7};

// Batches of three noise images.
fs::path write_noise(const fs::path& folder, std::uint64_t batches, int threads = 0,
                     const char* name = "noise.h5") {
  SilentProgress progress;
  write_tensorfile(folder / name, noise_images(3 * batches, 1, kSize, {}), 3, kSize, Layout::kNchw,
                   TensorfileType::kFloat64, threads, progress);
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
  const CalibrationImages images = images_from_tensorfile(file, 4, 2, kSize, Layout::kNchw);
  ASSERT_EQ(images.count(), 8U);
  EXPECT_EQ(images.names[3], "row 1 of batch 1");
  for (const std::size_t index : {0U, 2U, 1U, 3U, 5U, 4U, 6U, 7U, 1U, 0U, 7U, 3U}) {
    const std::size_t batch = index / 2, row = index % 2;
    EXPECT_EQ(loaded(images, index), loaded(noise, 3 * batch + row)) << index;
  }
}

TEST(TensorfileImages, ComeRightToManyThreadsFromTheMiddleOfABatchOn) {
  const ScratchFolder folder;
  const fs::path file = write_noise(folder.path(), 40);
  const CalibrationImages noise = noise_images(120, 1, kSize, {});
  for (const std::size_t first : {0U, 1U, 7U, 118U}) {
    const CalibrationImages images = images_from_tensorfile(file, 40, 3, kSize, Layout::kNchw);
    images.begin(first);
    SilentProgress progress;
    std::atomic<int> wrong = 0;
    run_in_order(
        images.count() - first, 8,
        [&](std::size_t, std::size_t i) { wrong += loaded(images, first + i) != loaded(noise, first + i); },
        {}, progress);
    EXPECT_EQ(wrong, 0) << first;
  }
}

TEST(TensorfileImages, GiveEveryThreadTheSameError) {
  const ScratchFolder folder;
  const fs::path file = write_noise(folder.path(), 10);
  fs::resize_file(file, fs::file_size(file) / 2);
  for (int turn = 0; turn < 5; ++turn) {
    try {
      const CalibrationImages images = images_from_tensorfile(file, 10, 3, kSize, Layout::kNchw);
      SilentProgress progress;
      run_in_order(
          images.count(), 8, [&](std::size_t, std::size_t i) { loaded(images, i); }, {}, progress);
      ADD_FAILURE() << "a file that is cut off was read";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Kind::kBadInput) << error.line();
    }
  }
}

TEST(TensorfileImages, HaveTheirChannelsLastWhereTheNetworkHasThem) {
  const ScratchFolder folder;
  const fs::path nchw = write_noise(folder.path(), 1);
  const auto hwc = loaded(images_from_tensorfile(nchw, 1, 1, kSize, Layout::kNhwc), 0),
             chw = loaded(images_from_tensorfile(nchw, 1, 1, kSize, Layout::kNchw), 0);
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t i = 0; i < 35; ++i) ASSERT_EQ(hwc[i * 3 + c], chw[c * 35 + i]);
  // A file written from images with channels last is the same file.
  CalibrationImages last = noise_images(3, 1, kSize, {});
  last.fill = [noise = noise_images(3, 1, kSize, {})](std::size_t index, const std::string& name,
                                                      std::span<float> out) {
    std::vector<float> numbers(out.size());
    noise.fill(index, name, numbers);
    chw_to_hwc(numbers, 3, out);
  };
  SilentProgress progress;
  write_tensorfile(folder.path() / "last.h5", last, 3, kSize, Layout::kNhwc, TensorfileType::kFloat64, 2,
                   progress);
  EXPECT_EQ(read_file(folder.path() / "last.h5"), read_file(nchw));
}

TEST(TensorfileImages, AreKnownByTheirContent) {
  const ScratchFolder folder;
  const fs::path file = write_noise(folder.path(), 2, 1, "a.h5"), copy = folder.path() / "b.h5";
  const auto identity = [](const fs::path& path, std::uint64_t batch_size = 3) {
    return images_from_tensorfile(path, 2, batch_size, kSize, Layout::kNchw).identity();
  };
  fs::copy(file, copy);
  EXPECT_EQ(identity(copy), identity(file));
  EXPECT_NE(identity(file, 2), identity(file));
  std::fstream change(copy, std::ios::in | std::ios::out | std::ios::binary);
  change.seekp(static_cast<std::streamoff>(fs::file_size(copy)) - 1);
  change.put('x');
  change.close();
  EXPECT_NE(identity(copy), identity(file));
}

TEST(WriteTensorfile, RefusesABatchThatNoFileCanHoldBeforeItLoadsAnything) {
  const ScratchFolder folder;
  CalibrationImages images = noise_images(3'000'000, 1, kSize, {});
  images.fill = [](std::size_t, const std::string&, std::span<float>) { FAIL() << "loaded"; };
  SilentProgress progress;
  EXPECT_THROW(write_tensorfile(folder.path() / "t.h5", images, images.count(), kSize, Layout::kNchw,
                                TensorfileType::kFloat32, 1, progress),
               Error);
}

TEST(TensorfileImages, HaveTheSameBytesForAnyNumberOfThreads) {
  const ScratchFolder folder;
  EXPECT_EQ(read_file(write_noise(folder.path(), 3, 1, "1.h5")),
            read_file(write_noise(folder.path(), 3, 4, "4.h5")));
}

TEST(TensorfileImages, RefuseWhatTheFileDoesNotHold) {
  const ScratchFolder folder;
  const fs::path file = write_noise(folder.path(), 2);
  const auto problem = [&](std::uint64_t batches, std::uint64_t batch_size, const InputSize& size) {
    try {
      images_from_tensorfile(file, batches, batch_size, size, Layout::kNchw);
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
  write_tensorfile(file, images, 2, kSize, Layout::kNchw, TensorfileType::kFloat32, 1, progress);
  const CalibrationImages read = images_from_tensorfile(file, 2, 2, kSize, Layout::kNchw);
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
