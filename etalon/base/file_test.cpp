#include "etalon/base/file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "etalon-file-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  void put(const fs::path& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }
  std::string get(const fs::path& path) { return std::string(as_text(read_file(path))); }
  std::size_t entries() { return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator())); }

  fs::path folder_;
};

template <class Body>
std::string message_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.line();
  }
  return "no error";
}

TEST_F(Files, AppearTogetherAtCommitAndNotBefore) {
  OutputFiles outputs;
  outputs.stage(folder_ / "a", IfExists::kRefuse, 0644, "first");
  outputs.stage(folder_ / "deep/er/b", IfExists::kRefuse, 0600, "second");
  EXPECT_FALSE(fs::exists(folder_ / "a"));
  outputs.commit();
  EXPECT_EQ(get(folder_ / "a"), "first");
  EXPECT_EQ(get(folder_ / "deep/er/b"), "second");
  EXPECT_EQ(fs::status(folder_ / "deep/er/b").permissions(), fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_EQ(outputs.written().size(), 2U);
  EXPECT_EQ(outputs.written()[1].size_bytes, 6U);
}

TEST_F(Files, LeaveNothingBehindWithoutCommit) {
  {
    OutputFiles outputs;
    outputs.stage(folder_ / "new/folder/a", IfExists::kRefuse, 0644, "text");
  }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(Files, LeaveNothingBehindWhenTheWriterThrows) {
  try {
    OutputFiles outputs;
    outputs.stage(folder_ / "a", IfExists::kRefuse, 0644, [](Sink& sink) {
      sink.write("half");
      throw Error(Kind::kBadInput, "stop");
    });
    FAIL();
  } catch (const Error&) {
  }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(Files, RefuseAnExistingNameAndKeepItsContent) {
  put(folder_ / "a", "mine");
  EXPECT_THAT(message_of([&] { OutputFiles().stage(folder_ / "a", IfExists::kRefuse, 0644, "x"); }), testing::HasSubstr("exists already"));
  EXPECT_EQ(get(folder_ / "a"), "mine");
}

TEST_F(Files, TakeBackTheFirstWhenANameIsTakenMeanwhile) {
  OutputFiles outputs;
  outputs.stage(folder_ / "a", IfExists::kRefuse, 0644, "a");
  outputs.stage(folder_ / "b", IfExists::kRefuse, 0644, "b");
  put(folder_ / "b", "mine");
  EXPECT_THAT(message_of([&] { outputs.commit(); }), testing::HasSubstr("exists already"));
  EXPECT_FALSE(fs::exists(folder_ / "a"));
  EXPECT_EQ(get(folder_ / "b"), "mine");
}

TEST_F(Files, ReplaceWhenAsked) {
  put(folder_ / "a", "old");
  OutputFiles outputs;
  outputs.stage(folder_ / "a", IfExists::kReplace, 0644, "new");
  EXPECT_EQ(get(folder_ / "a"), "old");
  outputs.commit();
  EXPECT_EQ(get(folder_ / "a"), "new");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Files, SayWhenTheFolderCannotBeMade) {
  put(folder_ / "file", "x");
  EXPECT_THAT(message_of([&] { OutputFiles().stage(folder_ / "file/below/a", IfExists::kRefuse, 0644, "x"); }), testing::HasSubstr("file"));
  EXPECT_THAT(message_of([&] { OutputFiles().stage("/proc/nowhere/a", IfExists::kRefuse, 0644, "x"); }), testing::HasSubstr("/proc/nowhere"));
  EXPECT_THAT(message_of([&] { OutputFiles().stage(folder_, IfExists::kRefuse, 0644, "x"); }), testing::HasSubstr("is a folder"));
}

TEST_F(Files, SayWhenTheDiskIsFull) {
  // A limit on the size of a file stands for the full disk: write() fails in the same place.
  struct rlimit before {};
  ::getrlimit(RLIMIT_FSIZE, &before);
  struct rlimit small = before;
  small.rlim_cur = 1 << 16;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &small);
  const std::string said = message_of([&] { OutputFiles().stage(folder_ / "a", IfExists::kRefuse, 0644, std::string(1 << 20, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(said, testing::HasSubstr("cannot write"));
  EXPECT_EQ(entries(), 0U);
}

TEST_F(Files, ReadRefusesWhatIsNoFile) {
  EXPECT_THAT(message_of([&] { read_file(folder_); }), testing::HasSubstr("is a folder"));
  EXPECT_THAT(message_of([&] { read_file(folder_ / "absent"); }), testing::HasSubstr("absent"));
  EXPECT_THAT(message_of([&] { read_file("/dev/null"); }), testing::HasSubstr("not a regular file"));
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(message_of([&] { read_file(folder_ / "pipe"); }), testing::HasSubstr("not a regular file"));
  put(folder_ / "large", "12345");
  EXPECT_THAT(message_of([&] { read_file(folder_ / "large", 4); }), testing::HasSubstr("at most 4"));
}

TEST_F(Files, CheckIsDataFileKnowsPointersAndEmptyFiles) {
  put(folder_ / "empty", "");
  EXPECT_THAT(message_of([&] { check_is_data_file(folder_ / "empty"); }), testing::HasSubstr("is empty"));
  put(folder_ / "pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  EXPECT_THAT(message_of([&] { check_is_data_file(folder_ / "pointer"); }), testing::HasSubstr("Git LFS"));
  put(folder_ / "good", "x");
  EXPECT_NO_THROW(check_is_data_file(folder_ / "good"));
}

}  // namespace
}  // namespace etalon
