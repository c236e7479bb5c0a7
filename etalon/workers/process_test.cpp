#include "etalon/workers/process.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "etalon/base/error.hpp"
#include "etalon/base/message_of_test.hpp"

namespace etalon {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr ChildLimits kAmple{20s, 1 << 30};

ChildAnswer shell(const std::string& script, const std::vector<ByteView>& input = {},
                  const ChildLimits& limits = kAmple) {
  return ChildProcess({"/bin/sh", "-c", script}).exchange(input, limits);
}

TEST(ChildProcess, CarriesInputOutputErrorsAndStatus) {
  const ChildAnswer answer = shell("cat; echo oops >&2; exit 7", {as_bytes("one "), {}, as_bytes("two")});
  EXPECT_EQ(as_text(answer.output), "one two");
  EXPECT_EQ(answer.error_tail, "oops\n");
  EXPECT_EQ(answer.exit_status, 7);
}

TEST(ChildProcess, CarriesMoreThanAnyPipeHoldsBothWaysAtOnce) {
  const std::string large(20'000'000, 'x');
  const ChildAnswer answer = shell("cat", {as_bytes(large)});
  EXPECT_EQ(answer.output.size(), large.size());
}

TEST(ChildProcess, KeepsTheEndOfManyErrors) {
  const ChildAnswer answer = shell("yes noise | head -c 3000000 >&2; echo last >&2");
  EXPECT_EQ(answer.error_tail.size(), 2000U);
  EXPECT_THAT(answer.error_tail, testing::EndsWith("noise\nlast\n"));
}

TEST(ChildProcess, SurvivesAChildThatDoesNotRead) {
  const std::string large(5'000'000, 'x');
  EXPECT_EQ(shell("exit 3", {as_bytes(large)}).exit_status, 3);
  EXPECT_EQ(shell("exec 0<&-; sleep 0.1; echo done", {as_bytes(large)}).exit_status, 0);
}

TEST(ChildProcess, NamesASignal) { EXPECT_EQ(shell("kill -9 $$").exit_status, 128 + SIGKILL); }

// As after `etalon ... <&- >&- 2>&-`: what this program prints must not reach the child.
TEST(ChildProcess, NeedsNoStandardDescriptors) {
  const std::array<int, 3> kept{::dup(0), ::dup(1), ::dup(2)};
  for (const int fd : {0, 1, 2}) ::close(fd);
  ssize_t written = 0;
  const std::string said = message_of([&] {
    ChildProcess child({"/bin/sh", "-c", "cat; echo oops >&2"});
    for (const int fd : {0, 1, 2}) written = std::max(written, ::write(fd, "noise", 5));
    const ChildAnswer answer = child.exchange({as_bytes("text")}, kAmple);
    if (as_text(answer.output) != "text" || answer.error_tail != "oops\n")
      throw Error(Kind::kInternal, std::string(as_text(answer.output)) + answer.error_tail);
  });
  for (const int fd : {0, 1, 2}) {
    ::dup2(kept[static_cast<std::size_t>(fd)], fd);
    ::close(kept[static_cast<std::size_t>(fd)]);
  }
  EXPECT_EQ(said, "no error");
  EXPECT_EQ(written, 0);  // all three are still closed
}

TEST(ChildProcess, RefusesWhatCannotStart) {
  EXPECT_THAT(message_of([] { ChildProcess({"/nowhere/python"}); }),
              HasSubstr("cannot start '/nowhere/python': No such file"));
  EXPECT_THAT(message_of([] { ChildProcess({"/etc/passwd"}); }), HasSubstr("Permission denied"));
}

TEST(ChildProcess, EndsAChildThatHangsAndThoseThatItStarted) {
  const auto begin = std::chrono::steady_clock::now();
  std::string folder = (std::filesystem::temp_directory_path() / "etalon-child-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string mark = folder + "/mark";
  const std::string script = "(sleep 2; echo late > " + mark + ") & sleep 100";
  EXPECT_THAT(message_of([&] {
                shell(script, {}, {300ms, 100});
              }),
              HasSubstr("did not end within 0.3 seconds"));
  // Standard output closed early: the wait for the end has the same limit.
  EXPECT_THAT(message_of([&] {
                shell("exec >&- 2>&-; sleep 100", {}, {300ms, 100});
              }),
              HasSubstr("did not end within"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  ::sleep(2);
  EXPECT_FALSE(std::filesystem::exists(mark));
  std::filesystem::remove_all(folder);
}

TEST(ChildProcess, StopsAChildThatSaysTooMuch) {
  EXPECT_THAT(message_of([] {
                shell("yes", {}, {20s, 1000});
              }),
              HasSubstr("answers with more than 1000 bytes"));
}

TEST(ChildProcess, HandsOverLinesWhileTheChildWorksAndKeepsWhatFollows) {
  std::vector<std::string> lines;
  std::chrono::steady_clock::time_point first{};
  const auto begin = std::chrono::steady_clock::now();
  ChildProcess child({"/bin/sh", "-c", "printf 'one\\ntw'; sleep 0.5; printf 'o\\n\\nlast\\nby\\ntes'"});
  const ChildAnswer answer = child.exchange({}, kAmple,
                                            {.line =
                                                 [&](std::string_view line) {
                                                   if (lines.empty())
                                                     first = std::chrono::steady_clock::now();
                                                   lines.emplace_back(line);
                                                   return line != "last";
                                                 },
                                             .check = {}});
  EXPECT_THAT(lines, testing::ElementsAre("one", "two", "", "last"));
  EXPECT_EQ(as_text(answer.output), "by\ntes");
  EXPECT_LT(first - begin, 400ms);
}

TEST(ChildProcess, CountsNoLineThatWasTakenAgainstItsLimit) {
  std::size_t lines = 0;
  const ChildWatch watch{.line = [&](std::string_view) { return ++lines > 0; }, .check = {}};
  ChildProcess({"/bin/sh", "-c", "yes line | head -n 200000"}).exchange({}, {20s, 100'000}, watch);
  EXPECT_EQ(lines, 200'000U);
  EXPECT_THAT(
      message_of([&] {
        ChildProcess({"/bin/sh", "-c", "head -c 1000000 /dev/zero"}).exchange({}, {20s, 100'000}, watch);
      }),
      HasSubstr("answers with more than 100000 bytes"));
}

TEST(ChildProcess, AsksWhetherToGoOnAndEndsTheChildIfNot) {
  int asked = 0;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(message_of([&] {
                ChildProcess({"/bin/sh", "-c", "sleep 100"}).exchange({}, kAmple, {.line = {}, .check = [&] {
                                                                                     if (++asked == 3)
                                                                                       throw Error(
                                                                                           Kind::kInterrupted,
                                                                                           "interrupted");
                                                                                   }});
              }),
              HasSubstr("interrupted"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

TEST(ChildProcess, HasNoOpenFileOfOurs) {
  const int leaky = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  ASSERT_GT(leaky, 2);
  const ChildAnswer answer = shell("ls /proc/$$/fd");
  ::close(leaky);
  EXPECT_EQ(as_text(answer.output).find(std::to_string(leaky) + "\n"), std::string_view::npos)
      << as_text(answer.output);
}

}  // namespace
}  // namespace etalon
