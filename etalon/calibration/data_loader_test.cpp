#include "etalon/calibration/data_loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>

#include "etalon/base/crc32c.hpp"
#include "etalon/base/error.hpp"
#include "etalon/calibration/scratch_folder.hpp"
#include "etalon/images/image.hpp"
#include "etalon/spec/detectnet_v2_spec.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

// A field of a protobuf message with a length below 128: tag, length, content.
std::string field(int number, const std::string& content) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(content.size())} + content;
}
std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 128; value >>= 7) out += static_cast<char>(value | 128);
  return out + static_cast<char>(value);
}

// tf.train.Example with frame/id, frame/width and frame/height.
std::string frame_example(const std::string& id, std::uint64_t width, std::uint64_t height) {
  const auto feature = [](const std::string& key, const std::string& value) {
    return field(1, field(1, key) + field(2, value));
  };
  const auto number = [](std::uint64_t value) { return field(3, field(1, varint(value))); };
  return field(1, feature("frame/id", field(1, field(1, id))) + feature("frame/width", number(width)) +
                      feature("frame/height", number(height)));
}

void write_records(const fs::path& path, const std::vector<std::string>& ids, std::uint64_t width = 16,
                   std::uint64_t height = 16) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  const auto put = [&](std::uint64_t value, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
    file << out;
    return out;
  };
  for (const auto& id : ids) {
    const std::string record = frame_example(id, width, height);
    put(masked_crc(crc32c(as_bytes(put(record.size(), 8)))), 4);
    file << record;
    put(masked_crc(crc32c(as_bytes(record))), 4);
  }
}

class DataLoader : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder.path() / "pictures");
    write_records(folder.path() / "records/a-fold-000-of-002", {"a0", "a1"});
    write_records(folder.path() / "records/a-fold-001-of-002", {"a2", "a3", "a4"}, 24, 12);
    write_records(folder.path() / "more/b-fold-000-of-001", {"b0"});
  }

  detectnet_v2::Experiment experiment(const std::string& dataset) const {
    return parse_detectnet_v2_spec(
               "dataset_config { image_extension: 'png' " + dataset +
               "} augmentation_config { preprocessing { output_image_width: 16 output_image_height: 16 "
               "output_image_channel: 3 } }")
        .experiment;
  }
  LoaderSet open(const std::string& dataset, LoaderSplit split = LoaderSplit::kTraining) const {
    return open_data_loader(experiment(dataset), split, folder.path());
  }
  std::string problem(const std::string& dataset, LoaderSplit split = LoaderSplit::kTraining) const {
    try {
      open(dataset, split);
      return "nothing was thrown";
    } catch (const Error& error) {
      return error.line();
    }
  }
  std::vector<std::string> ids(const LoaderSet& set, std::uint64_t count, std::uint64_t seed = 42) const {
    return images_from_loader(set, count, seed).ids;
  }

  const ScratchFolder folder;
  const std::string a = "data_sources { tfrecords_path: 'records/*' image_directory_path: 'pictures' } ";
  const std::string b = "data_sources { tfrecords_path: 'more/b*' image_directory_path: 'pictures' } ";
};

TEST_F(DataLoader, SplitsByFoldOrByASourceOfItsOwn) {
  const auto validation = LoaderSplit::kValidation;
  EXPECT_THAT(ids(open(a + "validation_fold: 0"), 3),
              testing::UnorderedElementsAre("a2.png", "a3.png", "a4.png"));
  EXPECT_THAT(ids(open(a + "validation_fold: 0", validation), 2), testing::ElementsAre("a0.png", "a1.png"));
  EXPECT_THAT(ids(open(a + "validation_fold: 1", validation), 3),
              testing::ElementsAre("a2.png", "a3.png", "a4.png"));
  EXPECT_EQ(open(a).frame_count(), 5U);
  const std::string own =
      a + "validation_data_source { tfrecords_path: 'more/*' image_directory_path: 'pictures' }";
  EXPECT_THAT(ids(open(own, validation), 1), testing::ElementsAre("b0.png"));
  EXPECT_EQ(open(own).frame_count(), 5U) << "all data_sources train";
  EXPECT_EQ(open(a + b + "validation_fold: 0 dataloader_mode: LEGACY", validation).frame_count(), 3U);
}

TEST_F(DataLoader, PadsToTheLargestPictureOfTheSplit) {
  const LoaderSet training = open(a + "validation_fold: 0"),
                  validation = open(a + "validation_fold: 0", LoaderSplit::kValidation);
  EXPECT_EQ(training.how.canvas_width, 24);
  EXPECT_EQ(training.how.canvas_height, 16);
  EXPECT_EQ(validation.how.canvas_width, 16);
}

TEST_F(DataLoader, ShufflesAllSourcesTogetherAndRepeatsOnlyWhenAllHaveCome) {
  const LoaderSet set = open(a + b);
  const auto first = ids(set, 6);
  EXPECT_EQ(std::set<std::string>(first.begin(), first.end()).size(), 6U);
  EXPECT_NE(ids(set, 6, 43), first);
  const auto twice = ids(set, 12);
  EXPECT_TRUE(std::equal(first.begin(), first.end(), twice.begin()));
  std::map<std::string, int> counts;
  for (const auto& id : twice) ++counts[id];
  for (const auto& [id, count] : counts) EXPECT_EQ(count, 2) << id;
}

TEST_F(DataLoader, DrawsSourcesAlikeWhenAskedTo) {
  const auto share_of_b = [&](const std::string& mode) {
    const auto drawn = ids(open(a + b + mode), 6000);
    return static_cast<double>(std::ranges::count(drawn, "b0.png")) / 6000;
  };
  EXPECT_NEAR(share_of_b("sampling_mode: PROPORTIONAL"), 1.0 / 6, 0.001);
  EXPECT_NEAR(share_of_b("sampling_mode: USER_DEFINED"), 1.0 / 6, 0.001);
  EXPECT_NEAR(share_of_b("sampling_mode: UNIFORM"), 0.5, 0.026);  // 4 standard deviations of a fair draw
  EXPECT_NEAR(share_of_b("sampling_mode: UNIFORM dataloader_mode: DEFAULT"), 1.0 / 6, 0.001)
      << "only MULTISOURCE knows it";
}

TEST_F(DataLoader, KeepsTheOrderOfEachValidationSource) {
  write_records(folder.path() / "more/c-fold-000-of-001", {"c0", "c1", "c2"});
  const LoaderSet set = open(
      a + "data_sources { tfrecords_path: 'more/c*' image_directory_path: 'pictures' } validation_fold: 0",
      LoaderSplit::kValidation);
  const auto drawn = ids(set, 5);
  std::vector<std::string> of_a, of_c;
  for (const auto& id : drawn) (id[0] == 'a' ? of_a : of_c).push_back(id);
  EXPECT_THAT(of_a, testing::ElementsAre("a0.png", "a1.png"));
  EXPECT_THAT(of_c, testing::ElementsAre("c0.png", "c1.png", "c2.png"));
}

TEST_F(DataLoader, SaysWhatIsMissing) {
  const auto validation = LoaderSplit::kValidation;
  EXPECT_THAT(problem(""), testing::HasSubstr("there are no data_sources"));
  EXPECT_THAT(problem("data_sources { tfrecords_path: 'nothing*' image_directory_path: 'pictures' }"),
              testing::AllOf(testing::HasSubstr("no file matches the tfrecords_path"),
                             testing::HasSubstr("nothing*")));
  EXPECT_THAT(problem("data_sources { tfrecords_path: 'records/*' image_directory_path: 'nowhere' }"),
              testing::AllOf(testing::HasSubstr("is no folder"), testing::HasSubstr("nowhere")));
  EXPECT_THAT(problem(b + "validation_fold: 0"),
              testing::HasSubstr("every TFRecord file is of validation_fold 0"));
  EXPECT_THAT(problem(a + "validation_fold: 7", validation),
              testing::HasSubstr("no TFRecord file is of validation_fold 7"));
  EXPECT_THAT(problem(a, validation), testing::HasSubstr("has no validation data"));
  EXPECT_THAT(problem(a + "image_extension: ''"), testing::HasSubstr("image_extension is empty"));
  EXPECT_THAT(problem(a + "image_extension: 'fp16'"), testing::HasSubstr("fp16"));
  auto config = experiment(a);
  config.mutable_augmentation_config()->mutable_preprocessing()->set_output_image_channel(0);
  EXPECT_THROW(open_data_loader(config, LoaderSplit::kTraining, folder.path()), Error);
  config = experiment(a);
  config.mutable_augmentation_config()->mutable_preprocessing()->set_output_image_min(600);
  EXPECT_THROW(open_data_loader(config, LoaderSplit::kTraining, folder.path()), Error);
}

TEST_F(DataLoader, NamesTheRecordThatIsDamaged) {
  const fs::path path = folder.path() / "records/a-fold-000-of-002";
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(20);
  file.put('x');
  file.close();
  EXPECT_THAT(problem(a), testing::AllOf(testing::HasSubstr("crc"), testing::HasSubstr("a-fold-000-of-002")));
}

TEST_F(DataLoader, ImagesAreKnownByTheirPicturesAndTheirPreparation) {
  fs::create_directories(folder.path() / "others");
  for (const char* name : {"pictures/b0.png", "others/b0.png"})
    std::ofstream(folder.path() / name) << "one size";
  const auto identity = [&](const std::string& dataset, int width = 16) {
    auto config = experiment(dataset);
    config.mutable_augmentation_config()->mutable_preprocessing()->set_output_image_width(
        static_cast<std::uint32_t>(width));
    return images_from_loader(open_data_loader(config, LoaderSplit::kTraining, folder.path()), 1, 42)
        .identity();
  };
  const std::string elsewhere = "data_sources { tfrecords_path: 'more/b*' image_directory_path: 'others' } ";
  EXPECT_EQ(identity(b), identity(elsewhere)) << "where a folder lies does not matter";
  std::ofstream(folder.path() / "others/b0.png") << "another size";
  EXPECT_NE(identity(b), identity(elsewhere));
  EXPECT_NE(identity(b), identity(b, 32));
  EXPECT_NE(identity(b), identity(b + "dataloader_mode: DEFAULT"));
}

TEST_F(DataLoader, KeepsAnIdThatBeginsWithASlashBelowTheFolder) {
  write_records(folder.path() / "slash/s", {"/etc/passwd"});
  const auto images = images_from_loader(
      open("data_sources { tfrecords_path: 'slash/*' image_directory_path: 'pictures' }"), 1, 0);
  EXPECT_EQ(images.names[0], (folder.path() / "pictures").string() + "//etc/passwd.png");
}

TEST_F(DataLoader, LoadsAPictureAndNamesOneThatIsMissing) {
  Image image{PixelMode::kRgb, 16, 16, std::vector<std::uint8_t>(16 * 16 * 3, 255), {}};
  std::ofstream(folder.path() / "pictures/b0.png", std::ios::binary) << encode_png(image);
  std::vector<float> out(3 * 16 * 16);
  images_from_loader(open(b), 1, 0).load(0, out);
  EXPECT_EQ(out, std::vector<float>(out.size(), 1.0F));
  fs::remove(folder.path() / "pictures/b0.png");
  try {
    images_from_loader(open(b), 1, 0).load(0, out);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.line(), testing::HasSubstr("b0.png"));
  }
}

}  // namespace
}  // namespace etalon
