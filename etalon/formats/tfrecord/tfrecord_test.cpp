#include "etalon/formats/tfrecord/tfrecord.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>

#include "etalon/base/crc32c.hpp"
#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/base/message_of_test.hpp"
#include "etalon/formats/tfrecord/frame_record.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::string little_endian(std::uint64_t number, std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(number >> 8 * i));
  return bytes;
}
std::string with_crc(const std::string& data) {
  return data + little_endian(masked_crc(crc32c(as_bytes(data))), 4);
}
std::string record(const std::string& data) {
  return with_crc(little_endian(data.size(), 8)) + with_crc(data);
}

class TfRecords : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "etalon-tfrecord-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path put(std::string_view bytes) {
    const fs::path path = folder_ / "records";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  std::vector<std::string> read(std::string_view bytes) {
    std::vector<std::string> records;
    read_tfrecords(put(bytes), [&](std::uint64_t number, ByteView data) {
      EXPECT_EQ(number, records.size());
      records.emplace_back(as_text(data));
    });
    return records;
  }
  std::string message_of(std::string_view bytes) {
    try {
      read(bytes);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Kind::kBadInput);
      return error.line();
    }
    return "no error";
  }

  fs::path folder_;
};

TEST_F(TfRecords, AreReadInOrder) {
  EXPECT_THAT(read(record("first") + record("") + record("third")), ElementsAre("first", "", "third"));
  EXPECT_THAT(read(""), ElementsAre());
}

TEST_F(TfRecords, AreReadWhateverTheirLength) {
  std::vector<std::string> records;
  std::string file;
  for (const std::size_t size : {262128U, 1U, 262144U, 3U, 1000000U, 0U, 262127U, 600000U}) {
    records.emplace_back(size, static_cast<char>('a' + records.size()));
    file += record(records.back());
  }
  EXPECT_EQ(read(file), records);
}

TEST_F(TfRecords, AreRefusedWhenDamaged) {
  const std::string good = record("good one");  // 24 bytes
  const std::string next = record("second");
  const auto changed = [&](std::size_t at) {
    std::string bytes = good + next;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    return bytes;
  };
  const struct {
    const char* what;
    std::string bytes;
    const char* problem;
    const char* place;
  } table[] = {
      {"length", changed(3), "the length does not fit its crc", "in record 0 at byte 0"},
      {"crc of the length", changed(8), "the length does not fit its crc", "in record 0 at byte 0"},
      {"data", changed(12), "the data do not fit their crc", "in record 0 at byte 0"},
      {"crc of the data", changed(23), "the data do not fit their crc", "in record 0 at byte 0"},
      {"second length", changed(24), "the length does not fit its crc", "in record 1 at byte 24"},
      {"second data", changed(24 + 17), "the data do not fit their crc", "in record 1 at byte 24"},
      {"cut in a length", good + next.substr(0, 7),
       "cut off: a record's length and its crc needs 12 bytes, 7 are", "in record 1 at byte 24"},
      {"cut in data", good + next.substr(0, 15), "cut off: a record with its crc needs 10 bytes, 3 are left",
       "in record 1 at byte 24"},
      {"cut in a crc", good.substr(0, 23), "cut off: a record with its crc needs 12 bytes, 11 are left",
       "in record 0 at byte 0"},
      {"longer than the file", good + with_crc(little_endian(1 << 30, 8)) + "data",
       "needs 1073741828 bytes, 4 are", "in record 1 at byte 24"},
      {"longer than allowed", with_crc(little_endian((1 << 30) + 1, 8)) + "data",
       "a record of 1073741825 bytes, expected at most 1073741824", "in record 0 at byte 0"},
      {"longest", good + with_crc(little_endian(UINT64_MAX, 8)), "a record of 18446744073709551615 bytes",
       "in record 1 at byte 24"},
      {"gzip", "\x1f\x8b\x08 and more of this", "does not fit its crc", "compressed, or no TFRecord file"},
      {"text", "version 1\nfolder images\n", "does not fit its crc", "no TFRecord file"},
      {"pointer", "version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer", "git lfs pull"},
      {"short", "\x01", "needs 12 bytes, 1 are left", "in record 0 at byte 0"},
  };
  for (const auto& [what, bytes, problem, place] : table) {
    EXPECT_THAT(message_of(bytes), HasSubstr(problem)) << what;
    EXPECT_THAT(message_of(bytes), HasSubstr(place)) << what;
    EXPECT_THAT(message_of(bytes), HasSubstr("/records'")) << what;
  }
}

TEST_F(TfRecords, AreListedAndReadOneByOne) {
  const std::vector<std::string> contents{"first", "", std::string(600'000, 'x'), "last"};
  std::string file;
  for (const auto& content : contents) file += record(content);
  const fs::path path = put(file);
  std::vector<std::uint64_t> offsets;
  list_tfrecords(path, [&](std::uint64_t number, std::uint64_t offset) {
    EXPECT_EQ(number, offsets.size());
    offsets.push_back(offset);
  });
  EXPECT_THAT(offsets, ElementsAre(0, 21, 37, 600'053));
  for (const std::size_t i : {3U, 0U, 2U, 1U})
    EXPECT_EQ(as_text(read_tfrecord(path, i, offsets[i])), contents[i]);
  list_tfrecords(put(""), [](std::uint64_t, std::uint64_t) { FAIL(); });
}

// The same table as above must be refused by one of the two.
TEST_F(TfRecords, AreRefusedOneByOneWhenDamaged) {
  const std::string good = record("good one"), next = record("second");
  const auto changed = [&](std::size_t at) {
    std::string bytes = good + next;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    return bytes;
  };
  const struct {
    std::string bytes;
    const char* problem;
    const char* place;
  } table[] = {
      {changed(3), "the length does not fit its crc", "record 0 at byte 0"},
      {changed(8), "the length does not fit its crc", "record 0 at byte 0"},
      {changed(12), "the data do not fit their crc", "record 0 at byte 0"},
      {changed(23), "the data do not fit their crc", "record 0 at byte 0"},
      {changed(24), "the length does not fit its crc", "record 1 at byte 24"},
      {changed(24 + 17), "the data do not fit their crc", "record 1 at byte 24"},
      {good + next.substr(0, 7), "a record's length and its crc needs 12 bytes, 7 are",
       "record 1 at byte 24"},
      {good + next.substr(0, 15), "a record with its crc needs 10 bytes, 3 are left", "record 1 at byte 24"},
      {good + with_crc(little_endian((1 << 30) + 1, 8)), "a record of 1073741825 bytes",
       "record 1 at byte 24"},
      {good + with_crc(little_endian(UINT64_MAX, 8)), "a record of 18446744073709551615",
       "record 1 at byte 24"},
      {"text that is no record", "does not fit its crc", "no TFRecord file"},
      {"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer", "git lfs pull"},
  };
  for (const auto& [bytes, problem, place] : table) {
    const fs::path path = put(bytes);
    const std::string said = etalon::message_of([&] {
      list_tfrecords(
          path, [&](std::uint64_t number, std::uint64_t offset) { read_tfrecord(path, number, offset); });
    });
    EXPECT_THAT(said, testing::AllOf(HasSubstr(problem), HasSubstr(place), HasSubstr("/records'")));
  }
  EXPECT_THAT(etalon::message_of([&] { read_tfrecord(put(good), 7, 1'000'000); }),
              HasSubstr("needs 12 bytes, 0 are left, in record 7 at byte 1000000"));
}

TEST_F(TfRecords, NameARecordThatTheirReaderRefuses) {
  const fs::path path = put(record("fine") + record("not"));
  try {
    read_tfrecords(path, [](std::uint64_t number, ByteView) {
      if (number == 1) throw Error(Kind::kBadInput, "no example");
    });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.line(), "no example, in record 1 at byte 20, in '" + path.string() + "'");
  }
}

TEST_F(TfRecords, AreNotLookedForInFoldersOrMissingFiles) {
  const auto nothing = [](std::uint64_t, ByteView) {};
  EXPECT_THROW(read_tfrecords(folder_, nothing), Error);
  EXPECT_THROW(read_tfrecords(folder_ / "missing", nothing), Error);
}

TEST_F(TfRecords, AreKnownByTheirFirstBytes) {
  EXPECT_TRUE(looks_like_tfrecord(as_bytes(record("data"))));
  EXPECT_TRUE(looks_like_tfrecord(as_bytes(record("data")).first(12)));
  EXPECT_FALSE(looks_like_tfrecord(as_bytes(record("data")).first(11)));
  EXPECT_FALSE(looks_like_tfrecord(as_bytes(std::string(12, '\0'))));
  EXPECT_FALSE(looks_like_tfrecord(as_bytes("TRT-8601-EntropyCalibration2")));
  EXPECT_FALSE(looks_like_tfrecord({}));
}

TEST_F(TfRecords, OfAllThatWereSuppliedAreRead) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA is not set: no TFRecords of real data to read";
  const fs::path sample = fs::path(data) / "bccd/tfrecords";
  const fs::path folds = fs::path(data) / "models/detectnet_v2/dataset/tfrecords";
  using Objects = std::map<std::string, std::uint64_t>;
  // Counted with Google's protobuf for Python.
  const struct {
    fs::path folder;
    const char* begin;
    std::uint64_t frames;
    Objects objects;
  } table[] = {{sample, "train-fold-000", 40, {{"rbc", 490}, {"wbc", 43}, {"platelets", 44}}},
               {sample, "validation-fold-000", 24, {{"rbc", 244}, {"wbc", 24}, {"platelets", 29}}},
               {folds, "bccd-fold-000", 6, {{"rbc", 77}, {"wbc", 6}, {"platelets", 10}}},
               {folds, "bccd-fold-001", 18, {{"rbc", 167}, {"wbc", 18}, {"platelets", 19}}}};
  for (const auto& [folder, begin, frames, expected] : table) {
    std::uint64_t count = 0;
    Objects objects;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (!entry.path().filename().string().starts_with(begin)) continue;
      EXPECT_TRUE(looks_like_tfrecord(read_file_head(entry.path(), 12))) << entry.path();
      read_tfrecords(entry.path(), [&](std::uint64_t, ByteView bytes) {
        const auto features = parse_tf_example(bytes);
        const FrameRecord frame = frame_record(features);
        EXPECT_EQ(frame.width, 640) << frame.id;
        EXPECT_EQ(frame.height, 480) << frame.id;
        for (const auto& [name, number] : count_objects(features)) objects[name] += number;
        ++count;
      });
    }
    EXPECT_EQ(count, frames) << begin;
    EXPECT_EQ(objects, expected) << begin;
  }
}

TEST_F(TfRecords, OfTenThousandFramesAreReadFast) {
  std::string frame;
  read_tfrecords(fs::path(ETALON_TFRECORD_TESTDATA) / "frames.tfrecord",
                 [&](std::uint64_t number, ByteView bytes) {
                   if (number == 0) frame = record(std::string(as_text(bytes)));
                 });
  std::string file;
  for (int i = 0; i < 10000; ++i) file += frame;
  const fs::path path = put(file);
  const auto begin = std::chrono::steady_clock::now();
  std::int64_t width = 0;
  read_tfrecords(
      path, [&](std::uint64_t, ByteView bytes) { width += frame_record(parse_tf_example(bytes)).width; });
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(width, 3200000);
  RecordProperty("seconds", std::to_string(seconds.count()));
  EXPECT_LT(seconds.count(), 2.0);  // 0.05 s; the rest is for sanitizers and busy machines
}

}  // namespace
}  // namespace etalon
