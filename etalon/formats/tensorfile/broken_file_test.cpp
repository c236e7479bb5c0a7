// Broken and hostile tensorfiles, most of them made from testdata/float64_gzip.h5 by one change.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/base/message_of_test.hpp"
#include "etalon/formats/tensorfile/tensorfile_layout.hpp"
#include "etalon/formats/tensorfile/tensorfile_reader.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

fs::path test_file(const std::string& name) { return fs::path(ETALON_TENSORFILE_TESTDATA) / (name + ".h5"); }

// Facts, then every batch.
std::string message_of_file(const fs::path& path) {
  return message_of([&] {
    const TensorfileFacts facts = read_tensorfile_facts(path);
    TensorfileReader reader(path, 0, facts.batches);
    for (std::uint64_t i = 0; i < facts.batches; ++i) reader.next();
  });
}

class BrokenTensorfile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "etalon-tensorfile-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string message_of_bytes(std::string_view bytes) {
    std::ofstream(folder_ / "bytes.h5", std::ios::binary) << bytes;
    return message_of_file(folder_ / "bytes.h5");
  }

  // What the reader says of the file after `edit`, which gets its root.
  std::string after(const std::function<void(hid_t root)>& edit, const char* from = "float64_gzip") {
    const fs::path path = folder_ / "edited.h5";
    fs::copy_file(test_file(from), path, fs::copy_options::overwrite_existing);
    fs::permissions(path, fs::perms::owner_all);
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    edit(file);
    H5Fclose(file);
    return message_of_file(path);
  }

  // Makes a batch's array anew, with `value` everywhere if it is given.
  static void replace(hid_t root, const char* path, hid_t type, const std::vector<hsize_t>& dims,
                      hid_t creation = H5P_DEFAULT, const double* value = nullptr) {
    if (H5Lexists(root, path, H5P_DEFAULT) > 0) H5Ldelete(root, path, H5P_DEFAULT);
    const hid_t space = H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr);
    const hid_t data = H5Dcreate2(root, path, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    EXPECT_GE(data, 0);
    if (value != nullptr) {
      hsize_t count = 1;
      for (const hsize_t size : dims) count *= size;
      const std::vector<double> values(count, *value);
      EXPECT_GE(H5Dwrite(data, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
    }
    H5Dclose(data);
    H5Sclose(space);
  }

  static hid_t chunked(const std::vector<hsize_t>& chunk, bool gzip) {
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
    if (gzip) H5Pset_deflate(creation, 9);
    return creation;
  }

  static constexpr const char* kFirst = "_tensorfile_array_key__0/_tensorfile_array_key_";
  static constexpr const char* kSecond = "_tensorfile_array_key__1/_tensorfile_array_key_";
  static constexpr const char* kInFirst =
      "in dataset '_tensorfile_array_key_', in group '_tensorfile_array_key__0'";
  static constexpr const char* kInSecond = "in group '_tensorfile_array_key__1'";
  const double one_ = 1;
  fs::path folder_;
};

TEST_F(BrokenTensorfile, IsNamedForWhatItIs) {
  EXPECT_THAT(message_of_file(folder_ / "absent"), HasSubstr("absent"));
  EXPECT_THAT(message_of_bytes(""), HasSubstr("is empty"));
  EXPECT_THAT(message_of_bytes("no such thing"), HasSubstr("not an HDF5 file"));
  EXPECT_THAT(
      message_of_file(fs::path(ETALON_KERAS_TESTDATA) / "plain.hdf5"),
      HasSubstr(
          "no tensorfile: the HDF5 file has no group '_tensorfile_array_key__0' (it is a Keras model)"));
  EXPECT_THAT(message_of([&] { TensorfileReader(folder_ / "absent", 0, 1); }), HasSubstr("absent"));
}

TEST_F(BrokenTensorfile, SaysThatItIsCutOff) {
  const std::string bytes(as_text(read_file(test_file("float64_gzip"))));
  for (const std::size_t size : {bytes.size() - 1, bytes.size() / 2, std::size_t{200}})
    EXPECT_THAT(message_of_bytes(std::string_view(bytes).substr(0, size)), HasSubstr("is cut off")) << size;
}

// Every cut and every flipped byte ends in batches or an Error, never in a crash or a wait.
TEST_F(BrokenTensorfile, NeverDoesAnythingElse) {
  for (const char* name : {"float64_gzip", "other_count", "szip"}) {
    const std::string bytes(as_text(read_file(test_file(name))));
    for (std::size_t size = 8; size < bytes.size(); size += bytes.size() / 40)
      EXPECT_NE(message_of_bytes(std::string_view(bytes).substr(0, size)), "no error");
    std::size_t refused = 0;
    for (std::size_t at = 8; at < bytes.size(); at += bytes.size() / 150) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(~flipped[at]);
      refused += message_of_bytes(flipped) != "no error";
    }
    EXPECT_GT(refused, 5U) << name;
  }
}

TEST_F(BrokenTensorfile, LacksABatch) {
  EXPECT_THAT(message_of([] {
                TensorfileReader reader(test_file("float64_gzip"), 1, 2);
                reader.next();
                reader.next();
              }),
              HasSubstr("batch 2 is missing: the file has no group '_tensorfile_array_key__2'"));
  EXPECT_EQ(after([](hid_t root) { H5Ldelete(root, "_tensorfile_array_key__1", H5P_DEFAULT); }), "no error");
  EXPECT_THAT(after([](hid_t root) { H5Ldelete(root, "_tensorfile_array_key__0", H5P_DEFAULT); }),
              HasSubstr("no tensorfile: the HDF5 file has no group"));
}

TEST_F(BrokenTensorfile, HoldsSomethingElseThanOneArray) {
  EXPECT_THAT(
      message_of_file(test_file("dictionary")),
      HasSubstr("holds '_tensorfile_array_key_' and more, a dictionary of arrays, expected the one array "
                "'_tensorfile_array_key_', in group '_tensorfile_array_key__1'"));
  EXPECT_THAT(after([](hid_t root) {
                H5Lmove(root, kSecond, root, "_tensorfile_array_key__1/x", H5P_DEFAULT, H5P_DEFAULT);
              }),
              HasSubstr("holds 'x', a dictionary of arrays"));
  EXPECT_THAT(
      after([](hid_t root) { H5Ldelete(root, kSecond, H5P_DEFAULT); }),
      HasSubstr(
          "is empty, expected the array '_tensorfile_array_key_', in group '_tensorfile_array_key__1'"));
  EXPECT_THAT(after([](hid_t root) {
                H5Ldelete(root, kFirst, H5P_DEFAULT);
                H5Gclose(H5Gcreate2(root, kFirst, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
              }),
              HasSubstr("'_tensorfile_array_key_' is not a dataset, in group '_tensorfile_array_key__0'"));
  EXPECT_THAT(after([&](hid_t root) {
                H5Ldelete(root, "_tensorfile_array_key__1", H5P_DEFAULT);
                replace(root, "_tensorfile_array_key__1", H5T_IEEE_F32LE, {2, 3, 4, 5}, H5P_DEFAULT, &one_);
              }),
              HasSubstr("'_tensorfile_array_key__1' is not a group"));
}

TEST_F(BrokenTensorfile, HasShapesThatDoNotFit) {
  EXPECT_THAT(
      after([&](hid_t root) {
        replace(root, kSecond, H5T_IEEE_F32LE, {2, 3, 4, 6}, H5P_DEFAULT, &one_);
      }),
      HasSubstr("batch 1 has shape 2x3x4x6, expected images as in batch 0, which has 2x3x4x5, in group "
                "'_tensorfile_array_key__1'"));
  EXPECT_THAT(after([&](hid_t root) {
                replace(root, kFirst, H5T_IEEE_F32LE, {2, 60}, H5P_DEFAULT, &one_);
              }),
              HasSubstr("has shape (2, 60), expected (images, channels, height, width), in group"));
  EXPECT_THAT(after([&](hid_t root) {
                replace(root, kSecond, H5T_IEEE_F32LE, {0, 3, 4, 5});
              }),
              HasSubstr("has shape (0, 3, 4, 5), expected (images"));
}

TEST_F(BrokenTensorfile, HasOtherNumbers) {
  EXPECT_THAT(after([&](hid_t root) {
                replace(root, kFirst, H5T_STD_I32LE, {2, 3, 4, 5}, H5P_DEFAULT, &one_);
              }),
              HasSubstr("does not hold floating-point numbers, expected float16, float32 or float64"));
  EXPECT_THAT(message_of_file(test_file("lzf")), HasSubstr("is packed with HDF5 filter 32000 'lzf'"));
  EXPECT_THAT(message_of_file(test_file("lzf")), HasSubstr(kInFirst));
  EXPECT_THAT(after([](hid_t root) {
                H5Adelete(root, "count");
                const double count = 2;
                const hid_t attribute = H5Acreate2(root, "count", H5T_IEEE_F64LE, H5Screate(H5S_SCALAR),
                                                   H5P_DEFAULT, H5P_DEFAULT);
                H5Awrite(attribute, H5T_NATIVE_DOUBLE, &count);
                H5Aclose(attribute);
              }),
              HasSubstr("attribute 'count' is not one whole number"));
}

TEST_F(BrokenTensorfile, LiesAboutItsSize) {
  const auto second = [&](const std::vector<hsize_t>& dims, hid_t creation = H5P_DEFAULT,
                          hid_t type = H5T_IEEE_F64LE) {
    return after([&](hid_t root) { replace(root, kSecond, type, dims, creation); });
  };
  EXPECT_THAT(second({2, 3, 4, 5}), HasSubstr("has 0 bytes of data in the file, expected 960"));
  EXPECT_THAT(second({2, 3, 4, 5}), HasSubstr(kInSecond));
  EXPECT_THAT(second({2, 3, 4, 5}, chunked({1, 3, 4, 5}, true)),
              HasSubstr("has 0 bytes of data in the file"));
  EXPECT_THAT(second({10000, 3, 4, 5}, chunked({1000, 3, 4, 5}, false)),
              HasSubstr("has 0 bytes of data in the file"));
  EXPECT_THAT(second({2'000'000, 3, 4, 5}, chunked({1000, 3, 4, 5}, true)),
              HasSubstr("holds 960000000 bytes of data, more than a file of this size can have"));
  EXPECT_THAT(second({2'000'000, 3, 4, 5}), HasSubstr("more than a file of this size can have"));
  EXPECT_THAT(second({5'000'000, 3, 4, 5}), HasSubstr("has shape 5000000x3x4x5, as float32 more than "
                                                      "1073741824 bytes, which is the limit for one batch"));
  EXPECT_THAT(second({std::uint64_t{1} << 62, 3, 4, 5}), HasSubstr("has more than 2147483648 elements"));
  EXPECT_THAT(second({std::uint64_t{1} << 31, 1, 1, 1}, chunked({1 << 28, 1, 1, 1}, true)),
              HasSubstr("is stored in chunks larger than 1073741824 bytes"));
}

// Would be read as zeros: a writer that was stopped.
TEST_F(BrokenTensorfile, LacksAChunk) {
  const std::string said = after([&](hid_t root) {
    replace(root, kSecond, H5T_IEEE_F64LE, {3, 3, 4, 5}, chunked({2, 3, 4, 5}, true));
    const hid_t data = H5Dopen2(root, kSecond, H5P_DEFAULT);
    const std::vector<double> values(2 * 3 * 4 * 5, 1);
    const hsize_t first[] = {0, 0, 0, 0}, one_chunk[] = {2, 3, 4, 5};
    const hid_t space = H5Dget_space(data), memory = H5Screate_simple(4, one_chunk, nullptr);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, first, nullptr, one_chunk, nullptr);
    EXPECT_GE(H5Dwrite(data, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, values.data()), 0);
    H5Dclose(data);
  });
  EXPECT_THAT(said, HasSubstr("has 1 chunks of data in the file, expected 2"));
  EXPECT_THAT(said, HasSubstr(kInSecond));
}

TEST_F(BrokenTensorfile, HasDamagedData) {
  EXPECT_THAT(
      after([](hid_t root) {
        const hid_t data = H5Dopen2(root, kSecond, H5P_DEFAULT);
        const hsize_t first[] = {0, 0, 0, 0};
        H5Dwrite_chunk(data, H5P_DEFAULT, 0, first, 9, "not gzip");
        H5Dclose(data);
      }),
      HasSubstr("cannot read the data: inflate() failed, in dataset '_tensorfile_array_key_', in group "
                "'_tensorfile_array_key__1' (the file is damaged"));
}

TEST_F(BrokenTensorfile, PointsOutOfItself) {
  fs::copy_file(test_file("contiguous"), folder_ / "other.h5");
  const auto no_plain_object = HasSubstr("is reached through a soft or external link");
  EXPECT_THAT(after([](hid_t root) {
                H5Ldelete(root, kSecond, H5P_DEFAULT);
                H5Lcreate_external("other.h5", kFirst, root, kSecond, H5P_DEFAULT, H5P_DEFAULT);
              }),
              no_plain_object);
  EXPECT_THAT(after([](hid_t root) {
                H5Lcreate_soft("/_tensorfile_array_key__0", root, "_tensorfile_array_key__2", H5P_DEFAULT,
                               H5P_DEFAULT);
              }),
              no_plain_object);
}

// After the first failure the reader stays failed, and the batches before it were good.
TEST_F(BrokenTensorfile, GivesTheBatchesBeforeTheBrokenOne) {
  TensorfileReader reader(test_file("dictionary"), 0, 2);
  EXPECT_EQ(reader.next().values.size(), 120U);
  EXPECT_THAT(message_of([&] { reader.next(); }), HasSubstr("a dictionary of arrays"));
  EXPECT_THAT(message_of([&] { reader.next(); }), HasSubstr("is asked again after it failed"));
}

}  // namespace
}  // namespace etalon
