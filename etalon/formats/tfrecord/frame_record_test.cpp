#include "etalon/formats/tfrecord/frame_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using Features = std::map<std::string, TfFeature>;
using Ints = std::vector<std::int64_t>;
using Texts = std::vector<std::string>;

Features features() {
  return {{"frame/id", {Texts{"images/1"}}}, {"frame/width", {Ints{320}}}, {"frame/height", {Ints{240}}}};
}

std::string message_of(const char* name, const TfFeature& feature) {
  Features changed = features();
  changed[name] = feature;
  try {
    frame_record(changed);
    count_objects(changed);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kBadInput);
    return error.line();
  }
  return "no error";
}

TEST(FrameRecord, IsReadFromWhatDatasetConvertWrites) {
  std::vector<FrameRecord> frames;
  std::vector<std::map<std::string, std::uint64_t>> objects;
  read_tfrecords(std::filesystem::path(ETALON_TFRECORD_TESTDATA) / "frames.tfrecord",
                 [&](std::uint64_t, ByteView record) {
                   const auto example = parse_tf_example(record);
                   frames.push_back(frame_record(example));
                   objects.push_back(count_objects(example));
                 });
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[0].id, "images/000001");
  EXPECT_EQ(frames[0].width, 320);
  EXPECT_EQ(frames[0].height, 240);
  EXPECT_EQ(frames[1].width, 65535);
  EXPECT_EQ(frames[1].height, 1);
  EXPECT_EQ(frames[2].id, "images/\xc3\xa4");
  EXPECT_THAT(objects, ElementsAre(ElementsAre(Pair("rbc", 2), Pair("wbc", 1)), ElementsAre(Pair("rbc", 1)),
                                   IsEmpty()));
}

TEST(FrameRecord, NeedsNoObjects) { EXPECT_THAT(count_objects(features()), IsEmpty()); }

TEST(FrameRecord, IsRefusedWithTheNameOfTheFeature) {
  for (const char* name : {"frame/id", "frame/width", "frame/height"}) {
    Features lacking = features();
    lacking.erase(name);
    try {
      frame_record(lacking);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_THAT(error.line(), HasSubstr("feature '" + std::string(name) + "' is missing"));
    }
  }
  const struct {
    const char* name;
    TfFeature feature;
    const char* problem;
  } table[] = {
      {"frame/id", {}, "feature 'frame/id' holds no values, expected bytes"},
      {"frame/id", {Ints{1}}, "feature 'frame/id' holds integers, expected bytes"},
      {"frame/id", {Texts{}}, "feature 'frame/id' has 0 values, expected 1"},
      {"frame/id", {Texts{"a", "b"}}, "feature 'frame/id' has 2 values, expected 1"},
      {"frame/id", {Texts{""}}, "feature 'frame/id' is empty"},
      {"frame/id", {Texts{std::string("a\0b", 3)}}, "feature 'frame/id' holds a zero byte: 'a\\x00b'"},
      {"frame/width", {std::vector<float>{320}}, "feature 'frame/width' holds floats, expected integers"},
      {"frame/width", {Ints{}}, "feature 'frame/width' has 0 values, expected 1"},
      {"frame/width", {Ints{0}}, "feature 'frame/width' is 0, expected 1 to 65535"},
      {"frame/height", {Ints{-1}}, "feature 'frame/height' is -1, expected 1 to 65535"},
      {"frame/height", {Ints{65536}}, "feature 'frame/height' is 65536, expected 1 to 65535"},
      {"frame/height", {Texts{"240"}}, "feature 'frame/height' holds bytes, expected integers"},
      {"target/object_class", {Ints{1}}, "feature 'target/object_class' holds integers, expected bytes"},
  };
  for (const auto& [name, feature, problem] : table)
    EXPECT_THAT(message_of(name, feature), HasSubstr(problem));
}

}  // namespace
}  // namespace etalon
