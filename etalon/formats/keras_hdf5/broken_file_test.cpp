// Broken and hostile files, each made from testdata/plain.hdf5 (or nested.hdf5) by one change.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <functional>
#include <limits>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/base/message_of_test.hpp"
#include "etalon/formats/keras_hdf5/keras_model.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

fs::path test_file(const std::string& name) { return fs::path(ETALON_KERAS_TESTDATA) / name; }

std::string message_of_bytes(std::string_view bytes) {
  return message_of([&] { read_keras_hdf5(as_bytes(bytes)); });
}

std::string plain_bytes(const std::string& name = "plain.hdf5") {
  return std::string(as_text(read_file(test_file(name))));
}

// The same file with some bytes replaced by as many others, everywhere.
std::string patched(std::string bytes, const std::string& from, const std::string& to) {
  EXPECT_EQ(from.size(), to.size());
  EXPECT_NE(bytes.find(from), std::string::npos) << from;
  for (std::size_t at = 0; (at = bytes.find(from, at)) != std::string::npos; at += to.size())
    bytes.replace(at, from.size(), to);
  return bytes;
}

class EditedFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "etalon-hdf5-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  // What the reader says about plain.hdf5 after `edit`, which gets the group model_weights/conv1.
  std::string after(const std::function<void(hid_t conv1)>& edit, const std::string& from = "plain.hdf5") {
    const fs::path path = folder_ / "edited.hdf5";
    fs::copy_file(test_file(from), path, fs::copy_options::overwrite_existing);
    fs::permissions(path, fs::perms::owner_all);
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t conv1 =
        H5Gopen2(file, from == "nested.hdf5" ? "model_weights/inner" : "model_weights/conv1", H5P_DEFAULT);
    edit(conv1);
    H5Gclose(conv1);
    H5Fclose(file);
    return message_of([&] { read_keras_hdf5(path); });
  }

  // Makes the kernel anew: of `type` and `dims`, stored as `creation` says, with `value` everywhere if it is
  // given.
  static void replace_kernel(hid_t conv1, hid_t type, const std::vector<hsize_t>& dims,
                             hid_t creation = H5P_DEFAULT, const double* value = nullptr) {
    H5Ldelete(conv1, kKernel, H5P_DEFAULT);
    const hid_t space = H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr);
    const hid_t kernel = H5Dcreate2(conv1, kKernel, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    EXPECT_GE(kernel, 0);
    if (value != nullptr) {
      hsize_t count = 1;
      for (const hsize_t size : dims) count *= size;
      const std::vector<double> values(count, *value);
      EXPECT_GE(H5Dwrite(kernel, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
    }
    H5Dclose(kernel);
    H5Sclose(space);
  }

  static hid_t chunked(const std::vector<hsize_t>& chunk, unsigned deflate) {
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
    if (deflate > 0) H5Pset_deflate(creation, deflate);
    return creation;
  }

  static constexpr const char* kKernel = "conv1/kernel:0";
  fs::path folder_;
};

TEST(BrokenHdf5, IsNamedForWhatItIs) {
  EXPECT_THAT(message_of([] { read_keras_hdf5(test_file("absent.hdf5")); }), HasSubstr("absent.hdf5"));
  EXPECT_THAT(message_of_bytes(""), HasSubstr("not an HDF5 file"));
  EXPECT_THAT(message_of_bytes("PK\x03\x04 and more"), HasSubstr("this is a ZIP file"));
  EXPECT_THAT(message_of_bytes("\x01\x02\x03"), HasSubstr("starts with 01 02 03, expected 89 48"));
  EXPECT_THAT(message_of_bytes("\x89HDF\r\n\x1a\n"), HasSubstr("the HDF5 file is"));
  EXPECT_THAT(message_of([] { read_keras_hdf5(test_file("weights_only.hdf5")); }),
              HasSubstr("holds weights only"));
}

TEST(BrokenHdf5, SaysThatItIsCutOff) {
  const std::string bytes = plain_bytes();
  for (const std::size_t size : {bytes.size() - 1, bytes.size() / 2, std::size_t{200}})
    EXPECT_THAT(message_of_bytes(std::string_view(bytes).substr(0, size)), HasSubstr("is cut off")) << size;
}

// Every cut and every flipped byte ends in a model or an Error, never in a crash or a wait.
TEST(BrokenHdf5, NeverDoesAnythingElse) {
  const std::string bytes = plain_bytes();
  for (std::size_t size = 0; size < bytes.size(); size += 37)
    EXPECT_NE(message_of_bytes(std::string_view(bytes).substr(0, size)), "no error");
  std::size_t refused = 0;
  for (std::size_t at = 8; at < bytes.size(); at += 13) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(~flipped[at]);
    refused += message_of_bytes(flipped) != "no error";
  }
  EXPECT_GT(refused, 50U);
}

TEST(BrokenHdf5, NamesThePartThatIsWrong) {
  const std::string bytes = plain_bytes();
  const struct {
    std::string bytes, message;
  } kBroken[] = {
      {patched(bytes, "model_config", "model_confix"), "has no attribute 'model_config'"},
      {patched(bytes, "model_weights", "model_wxights"), "has no group 'model_weights'"},
      {patched(bytes, "layer_names", "layer_namex"), "has no attribute 'layer_names'"},
      {patched(bytes, "weight_names", "weight_namex"), "no attribute 'weight_names', in layer 'input_1'"},
      {patched(bytes, R"("conv1")", R"("convX")"),
       "'layer_names' lists 'conv1', but the model has no such layer (the nearest name is 'convX')"},
      {patched(bytes, R"(["conv1", 0, 0)", R"(["convX", 0, 0)"),
       "layer 'convX' is used, but there is none of that name, in layer 'relu', in attribute 'model_config' "
       "(the nearest name is 'conv1'"},
      {patched(bytes, "\"class_name\": \"Model\"", "\"class_name\": \"Xodel\""), "is of class 'Xodel'"},
      {patched(bytes, "[null, 3, 4, 4]", "[NaN,  3, 4, 4]"), "holds NaN near byte"},
      {patched(bytes, "conv1/bias:0", "conv1/bixs:0"), "'conv1/bixs:0' is missing, in layer 'conv1'"},
  };
  for (const auto& broken : kBroken) EXPECT_THAT(message_of_bytes(broken.bytes), HasSubstr(broken.message));
}

TEST_F(EditedFile, MissesOrHasTooManyGroups) {
  EXPECT_THAT(after([](hid_t conv1) { H5Ldelete(conv1, "/model_weights/conv1", H5P_DEFAULT); }),
              HasSubstr("'conv1' is missing, in layer 'conv1'"));
  EXPECT_THAT(after([](hid_t conv1) {
                H5Gclose(H5Gcreate2(conv1, "/model_weights/stranger", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
              }),
              HasSubstr("holds 'stranger', which belongs to no layer"));
  EXPECT_THAT(after([](hid_t conv1) {
                H5Ldelete(conv1, "/model_weights/relu", H5P_DEFAULT);
                H5Dclose(H5Dcreate2(conv1, "/model_weights/relu", H5T_NATIVE_FLOAT, H5Screate(H5S_SCALAR),
                                    H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
              }),
              HasSubstr("'relu' is not a group"));
}

TEST_F(EditedFile, ListsNamesWrongly) {
  const auto list = [](hid_t at, const char* key, const std::vector<std::string>& names) {
    H5Adelete(at, key);
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, 16);
    const hsize_t count = names.size();
    const hid_t attribute =
        H5Acreate2(at, key, type, H5Screate_simple(1, &count, nullptr), H5P_DEFAULT, H5P_DEFAULT);
    std::string bytes;
    for (const auto& name : names) bytes += name + std::string(16 - name.size(), '\0');
    H5Awrite(attribute, type, bytes.data());
    H5Aclose(attribute);
  };
  const auto list_layers = [&](const std::vector<std::string>& names) {
    return after([&](hid_t conv1) {
      const hid_t top = H5Gopen2(conv1, "/model_weights", H5P_DEFAULT);
      list(top, "layer_names", names);
      H5Gclose(top);
    });
  };
  EXPECT_THAT(list_layers({"input_1", "conv1", "conv1", "relu"}), HasSubstr("lists 'conv1' twice"));
  EXPECT_THAT(list_layers({"input_1", "conv1"}), HasSubstr("'relu', which belongs to no layer"));
  EXPECT_THAT(list_layers({"input_1", "conv1", "relu", "relo"}),
              HasSubstr("'relo' is missing, in layer 'relo'"));
  EXPECT_THAT(after([&](hid_t conv1) {
                list(conv1, "weight_names", {"conv1/bias:0", "conv1/bias:0"});
              }),
              HasSubstr("'conv1/bias:0' is listed twice"));
  EXPECT_THAT(after([&](hid_t conv1) { list(conv1, "weight_names", {""}); }), HasSubstr("name is empty"));
  EXPECT_THAT(after([](hid_t conv1) {
                H5Adelete(conv1, "weight_names");
                const hsize_t count = 2;
                H5Aclose(H5Acreate2(conv1, "weight_names", H5T_NATIVE_INT,
                                    H5Screate_simple(1, &count, nullptr), H5P_DEFAULT, H5P_DEFAULT));
              }),
              HasSubstr("'weight_names' does not hold text"));
}

TEST_F(EditedFile, HasNoOrOtherNumbers) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double large = 1e300;
  EXPECT_THAT(after([&](hid_t conv1) {
                replace_kernel(conv1, H5T_IEEE_F32LE, {2, 3}, H5P_DEFAULT, &nan);
              }),
              HasSubstr("weight 'conv1/kernel:0' is nan at index 0, in layer 'conv1'"));
  EXPECT_THAT(after([&](hid_t conv1) {
                replace_kernel(conv1, H5T_IEEE_F64LE, {2, 3}, H5P_DEFAULT, &large);
              }),
              HasSubstr("is inf at index 0"));
  EXPECT_THAT(after([](hid_t conv1) { replace_kernel(conv1, H5T_NATIVE_INT, {2}); }),
              HasSubstr("does not hold floating-point numbers"));
  EXPECT_THAT(after([](hid_t conv1) {
                const hid_t brain = H5Tcopy(H5T_IEEE_F32LE);  // bfloat16
                H5Tset_fields(brain, 15, 7, 8, 0, 7);
                H5Tset_size(brain, 2);
                replace_kernel(conv1, brain, {2});
              }),
              HasSubstr("2-byte floats of an unknown layout"));
  EXPECT_THAT(after([](hid_t conv1) {
                H5Ldelete(conv1, kKernel, H5P_DEFAULT);
                H5Gclose(H5Gcreate2(conv1, kKernel, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
              }),
              HasSubstr("'conv1/kernel:0' is not a dataset"));
}

TEST_F(EditedFile, ClaimsMoreThanItHolds) {
  EXPECT_THAT(after([](hid_t conv1) {
                replace_kernel(conv1, H5T_IEEE_F32LE, {1 << 20, 1 << 8});
              }),
              HasSubstr("more than a file of this size can have"));
  EXPECT_THAT(
      after([](hid_t conv1) {
        replace_kernel(conv1, H5T_IEEE_F32LE, {1 << 20, 1 << 20, 1 << 20, 1 << 20}, chunked({1, 1, 1, 1}, 0));
      }),
      HasSubstr("has more than 2147483648 elements"));
  EXPECT_THAT(after([](hid_t conv1) {
                replace_kernel(conv1, H5T_IEEE_F32LE, {1, 1, 1, 1, 1, 1, 1, 1, 2});
              }),
              HasSubstr("has 9 axes"));
  EXPECT_THAT(after([](hid_t conv1) {
                replace_kernel(conv1, H5T_IEEE_F32LE, {2, 3});
              }),
              HasSubstr("has 0 bytes of data in the file, expected 24"));
  // A bomb: 64 MB that gzip twice would pack into almost nothing; the chunk is never unpacked.
  const double zero = 0;
  EXPECT_THAT(after([&](hid_t conv1) {
                replace_kernel(conv1, H5T_IEEE_F32LE, {1 << 24}, chunked({1 << 12}, 9), nullptr);
              }),
              HasSubstr("more than a file of this size can have"));
  EXPECT_EQ(after([&](hid_t conv1) {
              replace_kernel(conv1, H5T_IEEE_F32LE, {1 << 16}, chunked({1 << 12}, 9), &zero);
            }),
            "no error");
}

TEST_F(EditedFile, HoldsMoreThanAModelCan) {
  const std::string said = after([](hid_t conv1) {  // 2 GiB and a row, in a file with a hole
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
    replace_kernel(conv1, H5T_IEEE_F32LE, {(1 << 15) + 1, 1 << 14}, creation);
  });
  EXPECT_THAT(said, HasSubstr("more than 2147483648 bytes as float32"));
  EXPECT_THAT(said, HasSubstr("in layer 'conv1'"));
}

TEST_F(EditedFile, PointsOutOfItself) {
  std::ofstream(folder_ / "raw") << std::string(64, '\0');
  fs::copy_file(test_file("plain.hdf5"), folder_ / "other.hdf5");
  const auto no_plain_object = HasSubstr("is reached through a soft or external link");
  EXPECT_THAT(after([](hid_t conv1) {
                H5Ldelete(conv1, kKernel, H5P_DEFAULT);
                H5Lcreate_soft("/model_weights/conv1/conv1/bias:0", conv1, kKernel, H5P_DEFAULT, H5P_DEFAULT);
              }),
              no_plain_object);
  EXPECT_THAT(after([](hid_t conv1) {
                H5Ldelete(conv1, kKernel, H5P_DEFAULT);
                H5Lcreate_external("other.hdf5", "/model_weights/conv1/conv1/kernel:0", conv1, kKernel,
                                   H5P_DEFAULT, H5P_DEFAULT);
              }),
              no_plain_object);
  EXPECT_THAT(after([](hid_t conv1) {
                H5Ldelete(conv1, "conv1", H5P_DEFAULT);
                H5Lcreate_external("other.hdf5", "/model_weights/conv1/conv1", conv1, "conv1", H5P_DEFAULT,
                                   H5P_DEFAULT);
              }),
              no_plain_object);
  EXPECT_THAT(after([&](hid_t conv1) {
                const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
                H5Pset_external(creation, (folder_ / "raw").c_str(), 0, 24);
                replace_kernel(conv1, H5T_IEEE_F32LE, {2, 3}, creation);
              }),
              HasSubstr("takes its data from other files (external storage)"));
  EXPECT_THAT(after([](hid_t conv1) {
                const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
                const std::array<hsize_t, 4> dims{1, 1, 3, 2};
                const hid_t space = H5Screate_simple(4, dims.data(), nullptr);
                H5Pset_virtual(creation, space, "other.hdf5", "/model_weights/conv1/conv1/kernel:0", space);
                replace_kernel(conv1, H5T_IEEE_F32LE, {1, 1, 3, 2}, creation);
              }),
              HasSubstr("takes its data from other files (a virtual dataset)"));
}

TEST_F(EditedFile, UsesAFilterThatIsNotHere) {
  const auto with_filter = [](hid_t conv1) {
    const hid_t creation = chunked({2}, 0);
    H5Pset_filter(creation, 32001, H5Z_FLAG_OPTIONAL, 0, nullptr);  // Blosc's number
    replace_kernel(conv1, H5T_IEEE_F32LE, {4}, creation);
  };
  const std::string said = after(with_filter);
  EXPECT_THAT(said, HasSubstr("packed with HDF5 filter 32001"));
  EXPECT_THAT(said, HasSubstr("in layer 'conv1'"));
}

TEST_F(EditedFile, HidesWhichInnerLayerOwnsAWeight) {
  const std::string said =
      message_of_bytes(patched(plain_bytes("nested.hdf5"), R"("name": "bn")", R"("name": "nb")"));
  EXPECT_THAT(said, Not(HasSubstr("no error")));
  EXPECT_THAT(
      message_of_bytes(patched(patched(plain_bytes("nested.hdf5"), R"("name": "bn")", R"("name": "nb")"),
                               R"(["bn", 0, 0)", R"(["nb", 0, 0)")),
      HasSubstr("not clear which layer inside owns the weight 'bn/gamma:0', in layer 'inner'"));
}

}  // namespace
}  // namespace etalon
