// The files in testdata/ are made by h5py (testdata/make_testdata.py). What is written here was read with
// h5py and with a re-statement of NVIDIA's reader, by hand (docs/formats/tensorfile.md, "Evidence").
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <numeric>
#include <thread>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/base/message_of_test.hpp"
#include "etalon/formats/tensorfile/tensorfile_layout.hpp"
#include "etalon/formats/tensorfile/tensorfile_reader.hpp"
#include "etalon/formats/tensorfile/tensorfile_writer.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

fs::path test_file(const std::string& name) { return fs::path(ETALON_TENSORFILE_TESTDATA) / (name + ".h5"); }

// What every file of testdata/ holds.
std::vector<float> numbers_of_batch(std::size_t i, std::size_t images = 2) {
  std::vector<float> values(images * 60);
  for (std::size_t at = 0; at < values.size(); ++at)
    values[at] = static_cast<float>(i) - 10 + static_cast<float>(at) / 8;
  return values;
}

struct Stored {
  const char* name;
  std::uint64_t batches;
  const char* element_type;
  const char* storage;
};

class WrittenByH5py : public testing::TestWithParam<Stored> {};

TEST_P(WrittenByH5py, HasItsFactsAndNumbers) {
  const fs::path path = test_file(GetParam().name);
  const TensorfileFacts facts = read_tensorfile_facts(path);
  EXPECT_EQ(facts.batches, GetParam().batches);
  EXPECT_EQ(facts.count, static_cast<std::int64_t>(facts.batches));
  EXPECT_THAT(facts.shape, ElementsAre(2, 3, 4, 5));
  EXPECT_EQ(facts.element_type, GetParam().element_type);
  EXPECT_EQ(facts.storage, GetParam().storage);
  EXPECT_THAT(facts.images, testing::IsEmpty());

  TensorfileReader reader(path, 0, facts.batches);
  for (std::size_t i = 0; i < facts.batches; ++i) {
    const FloatArray batch = reader.next();
    EXPECT_THAT(batch.shape, ElementsAre(2, 3, 4, 5));
    EXPECT_EQ(batch.values, numbers_of_batch(i));
  }
}

INSTANTIATE_TEST_SUITE_P(Tensorfile, WrittenByH5py,
                         testing::Values(Stored{"float64_gzip", 2, "float64", "gzip 4, chunks 2x3x4x5"},
                                         Stored{"float32_gzip", 2, "float32",
                                                "shuffle, gzip 9, chunks 2x3x4x5"},
                                         Stored{"float16_chunks", 2, "float16", "chunks 1x2x3x4"},
                                         Stored{"contiguous", 2, "float32", "contiguous"},
                                         Stored{"big_endian", 2, "float32", "fletcher32, chunks 2x3x4x5"},
                                         Stored{"szip", 2, "float32", "szip, chunks 1x3x4x5"},
                                         Stored{"eleven_batches", 11, "float16", "contiguous"}),
                         [](const auto& of) { return std::string(of.param.name); });

TEST(TensorfileReader, StartsWhereItIsTold) {
  TensorfileReader reader(test_file("eleven_batches"), 9,
                          2);  // a name with two digits does not stand after "9" by sort
  EXPECT_EQ(reader.next().values, numbers_of_batch(9));
  EXPECT_EQ(reader.next().values, numbers_of_batch(10));
  EXPECT_THAT(message_of([&] { reader.next(); }), HasSubstr("asked for after the last"));
}

TEST(TensorfileReader, TakesBatchesOfDifferentNumbersOfImages) {
  TensorfileReader reader(test_file("rows_differ"), 0, 2);
  EXPECT_EQ(reader.next().shape.front(), 2);
  const FloatArray second = reader.next();
  EXPECT_THAT(second.shape, ElementsAre(3, 3, 4, 5));
  EXPECT_EQ(second.values, numbers_of_batch(1, 3));
}

TEST(TensorfileReader, IsMovedBetweenThreads) {
  TensorfileReader reader(test_file("eleven_batches"), 0, 11);
  for (std::size_t i = 0; i < 11; ++i)
    std::thread([&] {
      TensorfileReader here = std::move(reader);
      EXPECT_EQ(here.next().values, numbers_of_batch(i));
      reader = std::move(here);
    }).join();
}

TEST(TensorfileFacts, TellTheCountAsItStands) {
  EXPECT_EQ(read_tensorfile_facts(test_file("without_count")).count, std::nullopt);
  const TensorfileFacts facts = read_tensorfile_facts(test_file("other_count"));
  EXPECT_EQ(facts.count, 7);
  EXPECT_EQ(facts.batches, 2U);
  EXPECT_THAT(facts.images, ElementsAre("b.png", "a/c.jpg"));
}

TEST(LooksLikeTensorfile, TellsItFromOtherFiles) {
  EXPECT_TRUE(looks_like_tensorfile(test_file("float64_gzip")));
  EXPECT_TRUE(looks_like_tensorfile(test_file("dictionary")));
  EXPECT_FALSE(looks_like_tensorfile(fs::path(ETALON_KERAS_TESTDATA) / "plain.hdf5"));
  EXPECT_FALSE(looks_like_tensorfile(fs::path(ETALON_KERAS_TESTDATA) / "make_testdata.py"));
  EXPECT_FALSE(looks_like_tensorfile(test_file("absent")));
}

// NVIDIA's own files; the sums are zlib.crc32 over the values as h5py and NumPy give them in float32.
TEST(TensorfileReader, ReadsWhatNvidiasWriterWrote) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA is not set: NVIDIA's own tensorfiles are not read";
  const struct {
    const char* name;
    std::uint64_t batches;
    std::vector<std::int64_t> shape;
    const char* element_type;
    const char* storage;
    std::uint32_t crc;
  } kFiles[] = {
      {"tensorfile_from_dataloader.h5",
       1,
       {4, 3, 240, 320},
       "float32",
       "gzip 4, chunks 1x1x60x80",
       0x240fd3a6},
      {"tensorfile_jpg_rgb.h5", 2, {2, 3, 240, 320}, "float64", "gzip 4, chunks 1x1x30x80", 0xefa6d4ed},
      {"tensorfile_png_gray.h5", 3, {2, 1, 96, 160}, "float64", "gzip 4, chunks 1x1x24x80", 0x9934da0b},
      {"tensorfile_png_rgb.h5", 3, {2, 3, 96, 160}, "float64", "gzip 4, chunks 1x1x24x80", 0xd0e74583},
  };
  for (const auto& file : kFiles) {
    SCOPED_TRACE(file.name);
    const fs::path path = fs::path(data) / "models/detectnet_v2/dataset" / file.name;
    const TensorfileFacts facts = read_tensorfile_facts(path);
    EXPECT_EQ(facts.batches, file.batches);
    EXPECT_EQ(facts.count, static_cast<std::int64_t>(file.batches));
    EXPECT_EQ(facts.shape, file.shape);
    EXPECT_EQ(facts.element_type, file.element_type);
    EXPECT_EQ(facts.storage, file.storage);
    TensorfileReader reader(path, 0, facts.batches);
    uLong crc = 0;
    for (std::uint64_t i = 0; i < facts.batches; ++i) {
      const FloatArray batch = reader.next();
      crc = crc32(crc, reinterpret_cast<const Bytef*>(batch.values.data()),
                  static_cast<uInt>(batch.values.size() * sizeof(float)));
    }
    EXPECT_EQ(crc, file.crc);
  }
}

// --- writing

class Writing : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "etalon-tensorfile-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path folder_;
};

constexpr std::int64_t kSide = 40;
constexpr std::size_t kImageElements = 3 * kSide * kSide;

// Image `i`: levels of a picture over 255, of which half repeat.
std::vector<float> picture(std::size_t i) {
  std::vector<float> values(kImageElements);
  for (std::size_t at = 0; at < values.size(); ++at)
    values[at] = static_cast<float>((at * at * (i + 3) / 7) % (at % 2 ? 256 : 3)) * (1.0F / 255);
  return values;
}

void write_three_batches(const fs::path& path, TensorfileType type) {
  TensorfileWriter writer(path, {3, kSide, kSide}, type);
  for (std::size_t batch = 0; batch < 3; ++batch) {
    const std::vector<PackedImage> images{pack_image(picture(2 * batch), type),
                                          pack_image(picture(2 * batch + 1), type)};
    const std::vector<std::string> names{"kitti/b.png", "\u00e4 " + std::to_string(batch)};
    writer.write_batch(images, names);
  }
  writer.finish();
}

void expect_three_batches(const fs::path& path, const char* element_type) {
  const TensorfileFacts facts = read_tensorfile_facts(path);
  EXPECT_EQ(facts.batches, 3U);
  EXPECT_EQ(facts.count, 3);
  EXPECT_THAT(facts.shape, ElementsAre(2, 3, kSide, kSide));
  EXPECT_EQ(facts.element_type, element_type);
  EXPECT_EQ(facts.storage, "gzip 4, chunks 1x3x40x40");
  EXPECT_THAT(facts.images, ElementsAre("kitti/b.png", "\u00e4 0"));
  TensorfileReader reader(path, 0, 3);
  for (std::size_t batch = 0; batch < 3; ++batch) {
    std::vector<float> expected = picture(2 * batch), second = picture(2 * batch + 1);
    expected.insert(expected.end(), second.begin(), second.end());
    EXPECT_EQ(reader.next().values, expected);
  }
}

TEST_F(Writing, GivesBackWhatWasWritten) {
  write_three_batches(folder_ / "a", TensorfileType::kFloat64);
  expect_three_batches(folder_ / "a", "float64");
  write_three_batches(folder_ / "a", TensorfileType::kFloat32);  // over the file that is there
  expect_three_batches(folder_ / "a", "float32");
}

TEST_F(Writing, GoesIntoAStagedOutput) {
  OutputFiles outputs;
  outputs.stage_file(folder_ / "deep/a", IfExists::kRefuse, 0644, [](const fs::path& writable) {
    write_three_batches(writable, TensorfileType::kFloat64);
  });
  outputs.commit();
  expect_three_batches(folder_ / "deep/a", "float64");
  EXPECT_EQ(outputs.written().front().size_bytes, fs::file_size(folder_ / "deep/a"));
}

TEST_F(Writing, GivesTheSameBytesForTheSameImages) {
  write_three_batches(folder_ / "a", TensorfileType::kFloat64);
  ::sleep(1);  // so that a time in the file would differ
  write_three_batches(folder_ / "b", TensorfileType::kFloat64);
  EXPECT_EQ(read_file(folder_ / "a"), read_file(folder_ / "b"));
}

TEST_F(Writing, HasTheLayoutOfNvidiasWriter) {
  write_three_batches(folder_ / "a", TensorfileType::kFloat64);
  EXPECT_EQ(std::to_integer<int>(read_file(folder_ / "a")[8]), 0);  // version of the superblock
  const hid_t file = H5Fopen((folder_ / "a").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const auto type_of = [](hid_t type, hid_t expected) { return H5Tequal(type, expected) > 0; };
  const hid_t count = H5Aopen(file, "count", H5P_DEFAULT), shape = H5Aopen(file, "shape", H5P_DEFAULT);
  EXPECT_TRUE(type_of(H5Aget_type(count), H5T_STD_I64LE) && type_of(H5Aget_type(shape), H5T_STD_I64LE));
  EXPECT_EQ(H5Sget_simple_extent_type(H5Aget_space(count)), H5S_SCALAR);
  std::vector<std::int64_t> values(4);
  EXPECT_EQ(H5Sget_simple_extent_npoints(H5Aget_space(shape)), 4);
  H5Aread(shape, H5T_NATIVE_INT64, values.data());
  EXPECT_THAT(values, ElementsAre(2, 3, kSide, kSide));
  const hid_t data = H5Dopen2(file, "_tensorfile_array_key__1/_tensorfile_array_key_", H5P_DEFAULT);
  EXPECT_TRUE(type_of(H5Dget_type(data), H5T_IEEE_F64LE));
  H5O_info_t info{};
  H5Oget_info2(data, &info, H5O_INFO_TIME);
  EXPECT_EQ(info.mtime, 0);
  H5Oget_info2(file, &info, H5O_INFO_NUM_ATTRS);
  EXPECT_EQ(info.num_attrs, 2U);
  H5Aclose(count);
  H5Aclose(shape);
  H5Dclose(data);
  H5Fclose(file);
}

TEST_F(Writing, RecordsMoreNamesThanOneAttributeHolds) {
  const std::vector<float> values{0.5F, -1, 3};
  const PackedImage image = pack_image(values, TensorfileType::kFloat32);
  const std::vector<PackedImage> images(1000, image);
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back(std::to_string(i) + std::string(200, 'x'));
  TensorfileWriter writer(folder_ / "a", {3, 1, 1}, TensorfileType::kFloat32);
  writer.write_batch(images, names);
  writer.finish();
  EXPECT_EQ(read_tensorfile_facts(folder_ / "a").images, names);
}

TEST_F(Writing, PacksWhatCannotBePacked) {
  std::vector<float> noise(100'000);
  std::uint32_t state = 1;
  for (auto& value : noise)
    value = std::ldexp(static_cast<float>((state = state * 1664525 + 1013904223) >> 8), -24);
  for (const TensorfileType type : {TensorfileType::kFloat32, TensorfileType::kFloat64}) {
    TensorfileWriter writer(folder_ / "a", {1, 1000, 100}, type);
    writer.write_batch(std::vector{pack_image(noise, type)}, std::vector<std::string>{""});
    writer.finish();
    EXPECT_EQ(TensorfileReader(folder_ / "a", 0, 1).next().values, noise);
  }
}

// A limit on the size of a file stands for the full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t size_bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    struct rlimit small = before_;
    small.rlim_cur = size_bytes;
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int) = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit before_ {};
};

TEST_F(Writing, SaysWhenTheDiskIsFullWhereverThatIs) {
  write_three_batches(folder_ / "whole", TensorfileType::kFloat64);
  const std::uint64_t size_bytes = fs::file_size(folder_ / "whole");
  for (std::uint64_t most = 0; most < size_bytes; most += size_bytes / 40) {
    const FullDisk full(most);
    EXPECT_EQ(message_of([&] { write_three_batches(folder_ / "a", TensorfileType::kFloat64); }),
              "cannot write the HDF5 file: File too large (free some space or give another folder)")
        << most << " of " << size_bytes;
  }
  write_three_batches(folder_ / "a", TensorfileType::kFloat64);  // the library is as good as before
  EXPECT_EQ(read_file(folder_ / "a"), read_file(folder_ / "whole"));
}

TEST_F(Writing, IsGivenUpWithoutATrace) {
  TensorfileWriter(folder_ / "a", {3, kSide, kSide}, TensorfileType::kFloat32);
  EXPECT_FALSE(fs::exists(folder_ / "b"));
  EXPECT_THAT(message_of([&] {
                TensorfileWriter(folder_ / "absent/a", {3, 1, 1}, TensorfileType::kFloat32);
              }),
              HasSubstr("cannot write the HDF5 file: No such file or directory"));
}

TEST_F(Writing, RefusesWhatNoReaderHereWouldTake) {
  EXPECT_THAT(message_of([&] {
                TensorfileWriter(folder_ / "a", {3, 30000, 30000}, TensorfileType::kFloat32);
              }),
              HasSubstr("images of 3x30000x30000 are too large"));
  TensorfileWriter writer(folder_ / "a", {1, 1024, 1024}, TensorfileType::kFloat32);
  const PackedImage image{Bytes(1), 4 << 20};
  EXPECT_THAT(message_of([&] {
                writer.write_batch(std::vector<PackedImage>(257, image), std::vector<std::string>(257));
              }),
              HasSubstr("257 images of 1x1024x1024 are as float32 more than 1073741824 bytes"));
}

TEST_F(Writing, RefusesOurOwnMistakes) {
  const auto unfit = HasSubstr("does not fit the tensorfile");
  const std::vector<std::string> one(1), two(2);
  const PackedImage image = pack_image(picture(0), TensorfileType::kFloat32);
  TensorfileWriter writer(folder_ / "a", {3, kSide, kSide}, TensorfileType::kFloat32);
  EXPECT_THAT(message_of([&] { writer.finish(); }), HasSubstr("without batches"));
  EXPECT_THAT(message_of([&] { writer.write_batch({}, {}); }), unfit);
  EXPECT_THAT(message_of([&] { writer.write_batch(std::vector{image}, two); }), unfit);
  EXPECT_THAT(message_of([&] {
                writer.write_batch(std::vector{pack_image(picture(0), TensorfileType::kFloat64)}, one);
              }),
              unfit);
  writer.write_batch(std::vector{image}, one);
  EXPECT_THAT(message_of([&] { writer.write_batch(std::vector{image, image}, two); }), unfit);
  writer.finish();
  EXPECT_THAT(message_of([&] { writer.write_batch(std::vector{image}, one); }), unfit);
}

}  // namespace
}  // namespace etalon
