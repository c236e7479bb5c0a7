#include "etalon/base/file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <fstream>

#include "etalon/base/error.hpp"
#include "etalon/base/message_of_test.hpp"

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
  std::size_t entries() {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  bool knows_unnamed_files() {
    const int file = ::open(folder_.c_str(), O_TMPFILE | O_WRONLY, 0600);
    if (file >= 0) ::close(file);
    return file >= 0;
  }

  fs::path folder_;
};

TEST_F(Files, AreReadPieceByPiece) {
  put(folder_ / "in", "abcdefg");
  InputFile file(folder_ / "in");
  EXPECT_EQ(file.size_bytes(), 7U);
  std::array<std::byte, 4> piece;
  EXPECT_EQ(file.read(piece), 4U);
  EXPECT_EQ(as_text(piece), "abcd");
  EXPECT_EQ(file.read(piece), 3U);
  EXPECT_EQ(as_text(piece).substr(0, 3), "efg");
  EXPECT_EQ(file.read(piece), 0U);
  EXPECT_EQ(file.read_at(2, piece), 4U);
  EXPECT_EQ(as_text(piece), "cdef");
  EXPECT_EQ(file.read_at(5, piece), 2U);
  EXPECT_EQ(as_text(piece).substr(0, 2), "fg");
  EXPECT_EQ(file.read_at(7, piece), 0U);
  EXPECT_EQ(file.read_at(UINT64_MAX, piece), 0U);
  EXPECT_THROW(InputFile(folder_ / "missing"), Error);
  EXPECT_THROW(InputFile(folder_.string()), Error);
}

TEST_F(Files, AreMappedWithTheirContent) {
  put(folder_ / "in", "abcdefg");
  EXPECT_EQ(as_text(MappedFile(folder_ / "in").bytes()), "abcdefg");
  put(folder_ / "empty", "");
  EXPECT_TRUE(MappedFile(folder_ / "empty").bytes().empty());
  EXPECT_THROW(MappedFile(folder_ / "in", 6), Error);
  EXPECT_THROW(MappedFile(folder_ / "missing"), Error);
  EXPECT_THROW(MappedFile(folder_.string()), Error);
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
  EXPECT_THAT(message_of([&] { OutputFiles().stage(folder_ / "a", IfExists::kRefuse, 0644, "x"); }),
              testing::HasSubstr("exists already"));
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
  EXPECT_THAT(
      message_of([&] { OutputFiles().stage(folder_ / "file/below/a", IfExists::kRefuse, 0644, "x"); }),
      testing::HasSubstr("file"));
  EXPECT_THAT(message_of([&] { OutputFiles().stage("/proc/nowhere/a", IfExists::kRefuse, 0644, "x"); }),
              testing::HasSubstr("/proc/nowhere"));
  EXPECT_THAT(message_of([&] { OutputFiles().stage(folder_, IfExists::kRefuse, 0644, "x"); }),
              testing::HasSubstr("names a folder"));
  EXPECT_THAT(message_of([&] { OutputFiles().reserve("/proc/nowhere/a", IfExists::kRefuse); }),
              testing::HasSubstr("/proc/nowhere"));
}

TEST_F(Files, SayWhenTheDiskIsFull) {
  // A limit on the size of a file stands for the full disk: write() fails in the same place.
  struct rlimit before {};
  ::getrlimit(RLIMIT_FSIZE, &before);
  struct rlimit small = before;
  small.rlim_cur = 1 << 16;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &small);
  const std::string said = message_of(
      [&] { OutputFiles().stage(folder_ / "a", IfExists::kRefuse, 0644, std::string(1 << 20, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(said, testing::HasSubstr("cannot write"));
  EXPECT_EQ(entries(), 0U);
}

TEST_F(Files, RefuseNamesOfFolders) {
  for (const fs::path& path :
       {fs::path(), folder_ / "a" / "", folder_ / ".", folder_ / "..", folder_ / "absent/.", folder_})
    EXPECT_THAT(message_of([&] { OutputFiles().reserve(path, IfExists::kReplace); }),
                testing::HasSubstr("names a folder, expected a file"))
        << path;
  EXPECT_EQ(entries(), 0U);
}

TEST_F(Files, RefuseTwoOutputsOfOneName) {
  fs::create_directory(folder_ / "real");
  fs::create_directory_symlink("real", folder_ / "link");
  const auto same = testing::HasSubstr("two outputs have the same name");
  OutputFiles outputs;
  outputs.reserve(folder_ / "real/a", IfExists::kReplace);
  EXPECT_THAT(message_of([&] { outputs.reserve(folder_ / "link/a", IfExists::kReplace); }), same);
  outputs.stage(folder_ / "real/a", IfExists::kReplace, 0644, "first");  // what was reserved
  EXPECT_THAT(message_of([&] { outputs.stage(folder_ / "link/./a", IfExists::kReplace, 0644, "second"); }),
              same);
  EXPECT_THAT(message_of([&] { outputs.reserve(folder_ / "link/a", IfExists::kReplace); }), same);
  outputs.stage(folder_ / "absent/b", IfExists::kRefuse, 0644, "b");
  EXPECT_THAT(
      message_of([&] { outputs.stage(folder_ / "absent/../absent/b", IfExists::kRefuse, 0644, "b"); }), same);
  outputs.commit();
  EXPECT_EQ(get(folder_ / "real/a"), "first");
}

TEST_F(Files, RefuseToReplaceAnInput) {
  put(folder_ / "model", "trained");
  fs::create_symlink("model", folder_ / "link");
  OutputFiles outputs;
  outputs.protect(folder_ / "link");
  outputs.protect(folder_ / "absent");
  const auto input = testing::HasSubstr("is also an input of this run (give another name)");
  EXPECT_THAT(message_of([&] { outputs.reserve(folder_ / "model", IfExists::kReplace); }), input);
  EXPECT_THAT(message_of([&] { outputs.stage(folder_ / "link", IfExists::kReplace, 0644, "x"); }), input);
  EXPECT_NO_THROW(outputs.reserve(folder_ / "absent", IfExists::kReplace));
}

TEST_F(Files, RestoreWhatWasReplacedWhenALaterNameFails) {
  put(folder_ / "a", "old");
  OutputFiles outputs;
  outputs.stage(folder_ / "new", IfExists::kRefuse, 0644, "new");
  outputs.stage(folder_ / "a", IfExists::kReplace, 0644, "new");
  outputs.stage(folder_ / "b", IfExists::kReplace, 0644, "new");
  fs::create_directory(folder_ / "b");  // rename cannot replace a folder by a file
  EXPECT_THAT(message_of([&] { outputs.commit(); }), testing::HasSubstr("cannot write"));
  EXPECT_EQ(get(folder_ / "a"), "old");
  EXPECT_EQ(entries(), 2U);  // a and the folder b
  EXPECT_TRUE(outputs.written().empty());
}

TEST_F(Files, MakeMissingFoldersAtCommitOnly) {
  if (!knows_unnamed_files()) GTEST_SKIP() << "the folder for temporary files has no O_TMPFILE";
  OutputFiles outputs;
  outputs.reserve(folder_ / "new/folder/a", IfExists::kRefuse);
  outputs.stage(folder_ / "new/folder/a", IfExists::kRefuse, 0644, "text");
  EXPECT_EQ(entries(), 0U);
  outputs.commit();
  EXPECT_EQ(get(folder_ / "new/folder/a"), "text");
}

TEST_F(Files, RemoveTheFoldersOfAFailedCommit) {
  OutputFiles outputs;
  outputs.stage(folder_ / "new/folder/a", IfExists::kRefuse, 0644, "text");
  outputs.stage(folder_ / "b", IfExists::kRefuse, 0644, "text");
  put(folder_ / "b", "mine");
  EXPECT_THAT(message_of([&] { outputs.commit(); }), testing::HasSubstr("exists already"));
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Files, LeaveNothingBehindWhenKilled) {
  if (!knows_unnamed_files()) GTEST_SKIP() << "the folder for temporary files has no O_TMPFILE";
  EXPECT_EXIT(
      {
        OutputFiles outputs;
        outputs.reserve(folder_ / "new/folder/a", IfExists::kRefuse);
        outputs.stage(folder_ / "new/folder/a", IfExists::kRefuse, 0644, "text");
        ::raise(SIGKILL);
      },
      testing::KilledBySignal(SIGKILL), "");
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

// A writer that needs a name: writes, goes back, reads, and makes the file longer.
void write_by_name(const fs::path& writable) {
  std::fstream file(writable, std::ios::in | std::ios::out | std::ios::trunc | std::ios::binary);
  file << "0123456789" << std::flush;
  file.seekg(8);
  const char read = static_cast<char>(file.get());
  file.seekp(2);
  file << read << "!";
  file.seekp(0, std::ios::end);
  file << "end";
  if (!file.flush()) throw Error(Kind::kInternal, "the staged file cannot be used by its name");
}
constexpr std::string_view kByName = "018!456789end";

TEST_F(Files, CanBeWrittenByName) {
  put(folder_ / "b", "a longer text that stood there before");
  OutputFiles outputs;
  outputs.stage_file(folder_ / "deep/a", IfExists::kRefuse, 0600, write_by_name);
  outputs.stage_file(folder_ / "b", IfExists::kReplace, 0644, write_by_name);
  EXPECT_FALSE(fs::exists(folder_ / "deep/a"));
  EXPECT_NE(get(folder_ / "b"), kByName);
  outputs.commit();
  EXPECT_EQ(get(folder_ / "deep/a"), kByName);
  EXPECT_EQ(fs::status(folder_ / "deep/a").permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(get(folder_ / "b"), kByName);
  ASSERT_EQ(outputs.written().size(), 2U);
  EXPECT_EQ(outputs.written()[0].size_bytes, kByName.size());
  EXPECT_EQ(entries(), 2U);
}

TEST_F(Files, WrittenByNameKeepTheOtherPromisesToo) {
  put(folder_ / "taken", "mine");
  EXPECT_THAT(message_of([&] {
                OutputFiles().stage_file(folder_ / "taken", IfExists::kRefuse, 0644, write_by_name);
              }),
              testing::HasSubstr("exists already"));
  EXPECT_THAT(message_of([&] {
                OutputFiles outputs;
                outputs.stage(folder_ / "a", IfExists::kRefuse, 0644, "a");
                outputs.stage_file(folder_ / "a", IfExists::kRefuse, 0644, write_by_name);
              }),
              testing::HasSubstr("two outputs have the same name"));
  EXPECT_THAT(message_of([&] {
                OutputFiles().stage_file(folder_ / "new/a", IfExists::kRefuse, 0644,
                                         [](const fs::path& writable) {
                                           write_by_name(writable);
                                           throw Error(Kind::kBadInput, "stop");
                                         });
              }),
              testing::HasSubstr("stop"));
  EXPECT_EQ(entries(), 1U);
  if (!knows_unnamed_files()) GTEST_SKIP() << "the folder for temporary files has no O_TMPFILE";
  EXPECT_EXIT(OutputFiles().stage_file(folder_ / "new/a", IfExists::kRefuse, 0644,
                                       [](const fs::path& writable) {
                                         write_by_name(writable);
                                         ::raise(SIGKILL);
                                       }),
              testing::KilledBySignal(SIGKILL), "");
  EXPECT_EQ(entries(), 1U);
}

// --- file systems that can do less
// seccomp answers as they
// do: from here on this process gets `error_number` for the system call `number`, if `mask` is 0 or its third
// argument has a bit of it.
void deny(unsigned number, unsigned error_number, unsigned mask = 0) {
  constexpr unsigned kThird =
      offsetof(seccomp_data, args[2]) + (std::endian::native == std::endian::big ? 4 : 0);
  const auto skip = static_cast<unsigned char>(mask == 0 ? 2 : 0);  // the look at the argument
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, skip, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kThird),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, mask, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error_number),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(filter), filter};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    std::perror("seccomp");
    ::_exit(1);
  }
}

constexpr unsigned kUnnamed = O_TMPFILE & ~O_DIRECTORY;

void deny_hard_links() {
  deny(SYS_openat, EOPNOTSUPP, kUnnamed);
  deny(SYS_linkat, EPERM);
#ifdef SYS_link
  deny(SYS_link, EPERM);
#endif
}

// In a process of its own: writes "a" (new), "b" (replaced), "deep/c" and "deep/f" (by name), meets a taken
// name, and ends with 0.
[[noreturn]] void write_in(const fs::path& folder) {
  const std::string failed = message_of([&] {
    OutputFiles outputs;
    outputs.stage(folder / "a", IfExists::kRefuse, 0644, "new");
    outputs.stage(folder / "b", IfExists::kReplace, 0644, "new");
    outputs.stage(folder / "deep/c", IfExists::kRefuse, 0644, "new");
    outputs.stage_file(folder / "deep/f", IfExists::kRefuse, 0644, write_by_name);
    outputs.commit();
  });
  const std::string taken = message_of([&] {
    OutputFiles outputs;
    outputs.stage(folder / "d", IfExists::kRefuse, 0644, "new");
    outputs.stage(folder / "e", IfExists::kRefuse, 0644, "new");
    std::ofstream(folder / "e") << "mine";
    outputs.commit();
  });
  std::fprintf(stderr, "%s; %s\n", failed.c_str(), taken.c_str());
  ::_exit(failed == "no error" && taken.find("exists already") != std::string::npos ? 0 : 1);
}

class SmallFileSystem : public Files {
 protected:
  void expect_written() {
    EXPECT_EQ(get(folder_ / "a"), "new");
    EXPECT_EQ(get(folder_ / "b"), "new");
    EXPECT_EQ(get(folder_ / "deep/c"), "new");
    EXPECT_EQ(get(folder_ / "deep/f"), kByName);
    EXPECT_EQ(get(folder_ / "e"), "mine");
    EXPECT_EQ(entries(), 4U);  // a, b, deep, e
  }
};

TEST_F(SmallFileSystem, WithoutHardLinks) {
  put(folder_ / "b", "old");
  EXPECT_EXIT((deny_hard_links(), write_in(folder_)), testing::ExitedWithCode(0), "");
  expect_written();
}

TEST_F(SmallFileSystem, WithoutHardLinksAndWithoutRenameThatDoesNotReplace) {
  put(folder_ / "b", "old");
  EXPECT_EXIT((deny_hard_links(), deny(SYS_renameat2, EINVAL), write_in(folder_)), testing::ExitedWithCode(0),
              "");
  expect_written();
}

bool change_root(const fs::path& folder) {
  if (::geteuid() != 0 && ::unshare(CLONE_NEWUSER) != 0) return false;
  return ::chroot(folder.c_str()) == 0 && ::chdir("/") == 0;
}

TEST_F(SmallFileSystem, InARootWithoutProc) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(change_root(folder_) ? 0 : 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (status != 0) GTEST_SKIP() << "chroot is not permitted here";

  put(folder_ / "b", "old");
  EXPECT_EXIT(change_root(folder_) ? write_in("/") : ::_exit(1), testing::ExitedWithCode(0), "");
  expect_written();
}

}  // namespace
}  // namespace etalon
