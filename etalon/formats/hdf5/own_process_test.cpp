#include "etalon/formats/hdf5/own_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cmath>
#include <ctime>
#include <limits>
#include <stdexcept>
#include <thread>

#include "etalon/base/message_of_test.hpp"

namespace etalon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr ProcessLimits kLimits{1 << 20, std::uint64_t{1} << 30, 1};

void run(const std::function<void(ProcessSender&)>& child,
         const std::function<void(ProcessReceiver&)>& parent) {
  run_in_own_process(kLimits, "the reader", child, parent);
}

// What comes of a child that does this where a number is expected.
std::string message_after(const std::function<void(ProcessSender&)>& child) {
  return message_of([&] { run(child, [](ProcessReceiver& from) { from.number(); }); });
}

TEST(OwnProcess, BringsBackWhatWasSent) {
  const std::string text("a\0b", 3);
  const std::vector<float> many(200'000, 0.5F);  // more than a pipe holds
  run(
      [&](ProcessSender& to) {
        to.number(std::numeric_limits<std::uint64_t>::max());
        to.text(text);
        to.text("");
        to.floats({1.5F, -0.0F});
        to.floats(many);
      },
      [&](ProcessReceiver& from) {
        EXPECT_EQ(from.number(), std::numeric_limits<std::uint64_t>::max());
        EXPECT_EQ(from.text(), text);
        EXPECT_EQ(from.text(), "");
        const std::vector<float> two = from.floats();
        EXPECT_THAT(two, ElementsAre(1.5F, 0.0F));
        EXPECT_TRUE(std::signbit(two[1]));
        EXPECT_EQ(from.floats(), many);
      });
}

TEST(OwnProcess, BringsBackAnErrorWithAllItsParts) {
  const auto fail = [](ProcessSender& to) {
    to.text("something before");
    within([] { return "outer"; },
           [] {
             within([] { return "inner"; },
                    [] { throw Error(Kind::kUnsupported, "no such filter", "use gzip"); });
           });
  };
  try {
    run(fail, [](ProcessReceiver& from) {
      from.text();
      from.text();
    });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kUnsupported);
    EXPECT_EQ(error.line(), "no such filter, in inner, in outer (use gzip)");
  }
}

TEST(OwnProcess, TurnsDeathIntoAnError) {
  const auto die_by = [](int signal) { return message_after([=](ProcessSender&) { ::raise(signal); }); };
  EXPECT_THAT(die_by(SIGSEGV), HasSubstr("the reader fails on it (Segmentation fault)"));
  EXPECT_THAT(die_by(SIGABRT), HasSubstr("the reader fails on it (Aborted)"));
  EXPECT_THAT(die_by(SIGKILL), HasSubstr("the reader was killed"));
  EXPECT_THAT(message_after([](ProcessSender&) { ::_exit(0); }), HasSubstr("its answer is not complete"));
  EXPECT_THAT(message_after([](ProcessSender&) {
                while (::getpid() > 0) {
                }
              }),
              HasSubstr("did not come to an end"));
}

// Neither an exception nor the body's end lets the copy of this program go on.
TEST(OwnProcess, LetsNoExceptionIntoTheCopyOfThisProgram) {
  const pid_t own = ::getpid();
  const std::string said =
      message_after([](ProcessSender&) { throw std::out_of_range("of no use to anybody"); });
  if (::getpid() != own) ::_exit(77);
  EXPECT_THAT(said, HasSubstr("the process of the reader ended with an unexpected exception"));
  EXPECT_THAT(message_after([](ProcessSender&) { throw 7; }), HasSubstr("unexpected exception"));
  if (::getpid() != own) ::_exit(77);
}

// As after `etalon ... >&- 2>&-`: the pipe's ends would be descriptors 1 and 2.
TEST(OwnProcess, NeedsNoStandardDescriptors) {
  const std::array<int, 3> kept{::dup(0), ::dup(1), ::dup(2)};
  for (const int fd : {0, 1, 2}) ::close(fd);
  std::uint64_t found = 0;
  const std::string said = message_of([&] {
    run(
        [](ProcessSender& to) {
          [[maybe_unused]] const ssize_t lost =
              ::write(STDOUT_FILENO, "noise", 5) + ::write(STDERR_FILENO, "noise", 5);
          to.number(11);
        },
        [&](ProcessReceiver& from) { found = from.number(); });
  });
  for (const int fd : {0, 1, 2}) {
    ::dup2(kept[static_cast<std::size_t>(fd)], fd);
    ::close(kept[static_cast<std::size_t>(fd)]);
  }
  EXPECT_EQ(said, "no error");
  EXPECT_EQ(found, 11U);
}

TEST(OwnProcess, DistrustsWhatComes) {
  EXPECT_THAT(message_after([](ProcessSender& to) { to.text("no number"); }), HasSubstr("fails on it"));
  const auto receive = [](const std::function<void(ProcessReceiver&)>& parent) {
    return message_of(
        [&] { run([](ProcessSender& to) { to.floats(std::vector<float>(1 << 19)); }, parent); });
  };
  EXPECT_THAT(receive([](ProcessReceiver& from) { from.floats(); }),
              HasSubstr("fails on it"));  // 2 MB, 1 allowed
  EXPECT_THAT(message_of([] {
                run([](ProcessSender& to) { to.number(11); }, [](ProcessReceiver& from) { from.count(10); });
              }),
              HasSubstr("fails on it"));
}

TEST(OwnProcess, IsGoneWhenTheParentGivesUp) {
  EXPECT_THAT(message_of([] {
                run([](ProcessSender&) { ::pause(); },
                    [](ProcessReceiver&) { throw Error(Kind::kInterrupted, "stopped"); });
              }),
              HasSubstr("stopped"));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // no child is left
}

TEST(OwnProcess, AnswersAgainAndAgain) {
  OwnProcess process(kLimits, "the reader", [](ProcessSender& to) {
    for (std::uint64_t i = 0; i < 10; ++i) {
      to.number(i);
      to.floats(std::vector<float>(200'000, static_cast<float>(i)));  // 8 MB in all; one answer may have 1 MB
    }
    throw Error(Kind::kBadInput, "no more");
  });
  for (std::uint64_t i = 0; i < 10; ++i)
    process.receive([&](ProcessReceiver& from) {
      EXPECT_EQ(from.number(), i);
      EXPECT_THAT(from.floats(), testing::Each(static_cast<float>(i)));
    });
  const auto next = [&] {
    return message_of([&] { process.receive([](ProcessReceiver& from) { from.number(); }); });
  };
  EXPECT_EQ(next(), "no more");
  EXPECT_THAT(next(), HasSubstr("is asked again after it failed"));
}

TEST(OwnProcess, LivesNoLongerThanItsObject) {
  {
    const OwnProcess process(kLimits, "the reader", [](ProcessSender&) { ::pause(); });
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), 0);  // it runs
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

void spend_cpu(double seconds) {
  const std::clock_t end = std::clock() + static_cast<std::clock_t>(seconds * CLOCKS_PER_SEC);
  while (std::clock() < end) {
  }
}

TEST(OwnProcess, HasItsLimitOfTimeAnewForEachPart) {
  OwnProcess process(kLimits, "the reader", [](ProcessSender& to) {
    for (int i = 0; i < 3; ++i) {
      allow_cpu_seconds(1);
      spend_cpu(0.55);  // 1.65 together, and one second is what it started with
      to.number(7);
    }
    spend_cpu(100);
  });
  const auto number = [](ProcessReceiver& from) { EXPECT_EQ(from.number(), 7U); };
  for (int i = 0; i < 3; ++i) process.receive(number);
  EXPECT_THAT(message_of([&] { process.receive(number); }), HasSubstr("did not come to an end"));
}

// What a killed parent leaves: two children that wait at full pipes, the later of which holds the earlier's
// end.
TEST(OwnProcess, EndsWhenTheParentDies) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    ::close(ends[0]);  // ends[1] is open in this process and in its children
    const auto talk = [](ProcessSender& to) {
      while (true) to.floats(std::vector<float>(1000));
    };
    const OwnProcess first(kLimits, "the reader", talk);
    const OwnProcess second(kLimits, "the reader", talk);
    ::raise(SIGKILL);
  }
  ::close(ends[1]);
  ::waitpid(parent, nullptr, 0);
  char none = 0;
  EXPECT_EQ(::read(ends[0], &none, 1), 0);  // nobody holds the other end any more
  ::close(ends[0]);
}

// A child must not keep another's pipe open for writing: the other's death would then go unnoticed.
TEST(OwnProcess, NoticesADeathWhileOthersRun) {
  std::vector<std::thread> threads;
  std::atomic<int> noticed = 0;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      OwnProcess dies(kLimits, "the reader", [](ProcessSender&) { ::raise(SIGSEGV); });
      const OwnProcess stays(kLimits, "the reader", [](ProcessSender&) { ::pause(); });
      noticed += message_of([&] {
                   dies.receive([](ProcessReceiver& from) { from.number(); });
                 }).find("Segmentation fault") != std::string::npos;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(noticed, 8);
}

}  // namespace
}  // namespace etalon
