#include "etalon/calibration/record_images.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "etalon/base/crc32c.hpp"
#include "etalon/base/message_of_test.hpp"
#include "etalon/calibration/scratch_folder.hpp"
#include "etalon/images/image.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 128; value >>= 7) out += static_cast<char>(value | 128);
  return out + static_cast<char>(value);
}
// Of a protobuf message: tag, length, content.
std::string field(int number, const std::string& content) {
  return std::string{static_cast<char>(number << 3 | 2)} + varint(content.size()) + content;
}
std::string text_feature(const std::string& name, const std::string& value) {
  return field(1, field(1, name) + field(2, field(1, field(1, value))));
}
std::string number_feature(const std::string& name, std::uint64_t value) {
  return field(1, field(1, name) + field(2, field(3, field(1, varint(value)))));
}
std::string example(const std::string& features) { return field(1, features); }

std::string png(int width, int height, std::uint8_t level) {
  return encode_png({PixelMode::kRgb,
                     width,
                     height,
                     std::vector<std::uint8_t>(static_cast<std::size_t>(width * height) * 3, level),
                     {}});
}

void write_records(const fs::path& path, const std::vector<std::string>& records) {
  std::ofstream file(path, std::ios::binary);
  const auto put = [&](std::uint64_t value, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
    file << out;
    return out;
  };
  for (const auto& record : records) {
    put(masked_crc(crc32c(as_bytes(put(record.size(), 8)))), 4);
    file << record;
    put(masked_crc(crc32c(as_bytes(record))), 4);
  }
}

class RecordImages : public testing::Test {
 protected:
  void SetUp() override {
    how.height = 40, how.width = 64;
    write_records(folder.path() / "train-1.tfrecord", {picture(10, "a"), picture(20, "b")});
    write_records(folder.path() / "train-0.tfrecord", {picture(30, "c"), picture(40, "")});
    write_records(folder.path() / "val.tfrecord", {picture(50, "d")});
    write_records(folder.path() / "nothing.tfrecord", {});
  }
  static std::string picture(std::uint8_t level, const std::string& id) {
    return example(text_feature("image/encoded", png(32, 16, level)) + text_feature("image/source_id", id) +
                   number_feature("image/height", 16));
  }
  RecordImageSet open(const std::string& pattern) const {
    return open_record_images(pattern, "training_file_pattern", folder.path(), how);
  }
  std::string problem(const std::string& pattern) const {
    return message_of([&] {
      const CalibrationImages images = images_from_records(open(pattern), 1, 1);
      std::vector<float> out(3 * 64 * 64);
      images.load(0, out);
    });
  }

  const ScratchFolder folder;
  PaddedPreprocessing how;
};

TEST_F(RecordImages, AreThoseOfAllFilesThatMatch) {
  const RecordImageSet set = open("train*");
  EXPECT_EQ(set.records.size(), 4U);
  EXPECT_EQ(set.files.at(0), folder.path() / "train-0.tfrecord");
  EXPECT_EQ(set.size.height, 64);
  EXPECT_EQ(set.size.width, 64);
  const CalibrationImages images = images_from_records(set, 4, 42);
  EXPECT_THAT(images.ids, testing::UnorderedElementsAre("a", "b", "c", "train-0.tfrecord:1"));
  EXPECT_THAT(images.source,
              HasSubstr("4 of the 4 images in the 2 files of training_file_pattern, drawn with seed 42"));
  EXPECT_FALSE(images.names_are_paths);
  EXPECT_EQ(images.other_files, set.files);
  EXPECT_EQ(open((folder.path() / "val.*").string()).records.size(), 1U) << "an absolute pattern";
}

TEST_F(RecordImages, AreDrawnBySeedAndRepeatOnlyWhenAllHaveCome) {
  const RecordImageSet set = open("train*");
  const auto drawn = [&](std::uint64_t count, std::uint64_t seed) {
    return images_from_records(set, count, seed).ids;
  };
  EXPECT_EQ(drawn(4, 1), drawn(4, 1));
  std::set<std::vector<std::string>> orders;
  for (std::uint64_t seed = 0; seed < 50; ++seed) orders.insert(drawn(4, seed));
  EXPECT_GT(orders.size(), 10U);  // of 24
  const auto many = drawn(8, 7);
  EXPECT_EQ(std::set<std::string>(many.begin(), many.begin() + 4).size(), 4U);
  EXPECT_EQ(std::set<std::string>(many.begin() + 4, many.end()).size(), 4U);
}

TEST_F(RecordImages, AreReadOnceHoweverOftenTheyCome) {
  const RecordImageSet set = open("train*");
  const std::uint64_t count = 1'000'000;  // minutes, if each were read
  const CalibrationImages images = images_from_records(set, count, 7);
  ASSERT_EQ(images.ids.size(), count);
  ASSERT_EQ(images.names.size(), count);
  std::vector<float> first(3 * 64 * 64), again(3 * 64 * 64);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto same = std::find(images.ids.end() - 4, images.ids.end(), images.ids[i]) - images.ids.begin();
    ASSERT_LT(static_cast<std::size_t>(same), count);
    EXPECT_EQ(images.names[static_cast<std::size_t>(same)], images.names[i]);
    images.load(i, first);
    images.load(static_cast<std::size_t>(same), again);
    EXPECT_EQ(first, again);
  }
  const auto identity = [&](std::uint64_t some, std::uint64_t seed) {
    return images_from_records(set, some, seed).identity();
  };
  EXPECT_EQ(identity(8, 7), identity(8, 7));
  std::set<std::string> identities;
  for (std::uint64_t some = 1; some <= 12; ++some) identities.insert(identity(some, 7));
  EXPECT_EQ(identities.size(), 12U) << "the repeats count, too";
}

TEST_F(RecordImages, AreLoadedAsTheLoaderPreparesThem) {
  const CalibrationImages images = images_from_records(open("train*"), 4, 3);
  for (std::size_t i = 0; i < 4; ++i) {
    const int level = images.ids[i] == "a" ? 10 : images.ids[i] == "b" ? 20 : images.ids[i] == "c" ? 30 : 40;
    std::vector<float> out(3 * 64 * 64);
    images.load(i, out);
    // 32 x 16 becomes 64 x 32; below are zeros.
    EXPECT_NEAR(out[0], (level / 255.0 - 0.485) / 0.224, 2e-7);
    EXPECT_NEAR(out[64 * 64 + 31 * 64 + 63], (level / 255.0 - 0.456) / 0.224, 2e-7);
    EXPECT_NEAR(out[2 * 64 * 64], (level / 255.0 - 0.406) / 0.224, 2e-7);
    EXPECT_EQ(out[32 * 64], 0.0F);
  }
}

TEST_F(RecordImages, AreKnownByTheirPicturesAndTheirPreparation) {
  const auto identity = [&](const std::string& pattern, std::uint64_t seed = 1) {
    return images_from_records(open(pattern), 1, seed).identity();
  };
  const std::string before = identity("val*");
  fs::copy_file(folder.path() / "val.tfrecord", folder.path() / "copy.tfrecord");
  EXPECT_EQ(identity("copy*"), before) << "where a picture stands does not matter";
  write_records(folder.path() / "other.tfrecord", {picture(51, "d")});
  EXPECT_NE(identity("other*"), before);
  how.height = 41;
  EXPECT_NE(identity("val*"), before);
}

TEST_F(RecordImages, SayWhichRecordIsWrong) {
  const auto with = [&](const std::string& record) {
    write_records(folder.path() / "wrong.tfrecord", {record});
    return problem("wrong*");
  };
  EXPECT_THAT(problem("missing*"),
              AllOf(HasSubstr("no file matches the training_file_pattern"), HasSubstr("missing*'"),
                    HasSubstr("relative patterns begin in '" + folder.path().string()),
                    Not(HasSubstr("DATA_BASE_PATH"))));
  EXPECT_THAT(problem((folder.path() / "missing*").string()), Not(HasSubstr("relative")));
  EXPECT_THAT(problem(""), HasSubstr("training_file_pattern is empty"));
  EXPECT_THAT(problem("nothing*"), HasSubstr("the 1 files that match the training_file_pattern"));
  const auto named = AllOf(HasSubstr("record 0 of '"), HasSubstr("wrong.tfrecord'"));
  EXPECT_THAT(with("no example"), AllOf(HasSubstr("no tf.train.Example"), named));
  EXPECT_THAT(with(example(text_feature("image/source_id", "1"))),
              AllOf(HasSubstr("'image/encoded' is missing"), named));
  EXPECT_THAT(with(example(number_feature("image/encoded", 1))), AllOf(HasSubstr("not one text"), named));
  EXPECT_THAT(with(example(text_feature("image/encoded", ""))), AllOf(HasSubstr("no picture"), named));
  EXPECT_THAT(with(example(text_feature("image/encoded", "GIF89a and more of it"))),
              AllOf(HasSubstr("a GIF"), named));
  EXPECT_THAT(with(example(text_feature("image/encoded", png(8, 8, 1).substr(0, 60)))), named);
  EXPECT_THAT(with(example(text_feature("image/encoded", png(1000, 1, 1)))),
              AllOf(HasSubstr("none left on one side"), named));
  {
    std::fstream file(folder.path() / "val.tfrecord", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(20);
    file.put('x');
  }
  EXPECT_THAT(problem("val*"),
              AllOf(HasSubstr("crc"), HasSubstr("record 0 at byte 0"), HasSubstr("val.tfrecord'")));
  how.width = 0;
  EXPECT_THAT(problem("train*"), HasSubstr("0 x 40"));
}

}  // namespace
}  // namespace etalon
