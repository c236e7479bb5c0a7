#include "etalon/engine/engine_worker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/base/message_of_test.hpp"

namespace etalon {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

WorkerAnswer ask(const std::string& script, const WorkerTalk& talk = {},
                 std::chrono::milliseconds limit = 20s) {
  return ask_engine_worker({"/bin/sh", "-c", script}, "the builder", {{"op", "build"}},
                           {as_bytes("ab"), as_bytes("c")}, limit, talk);
}
std::string message(const std::string& script) {
  return message_of([&] { ask(script); });
}

TEST(EngineWorker, SendsARequestAndTakesTwoRunsOfBytes) {
  // It gets {"op":"build","sizes":[2,1]} and abc, and gives the parts back as its engine.
  const WorkerAnswer answer = ask(
      R"(read -r line; rest=$(cat); [ "$line" = '{"op":"build","sizes":[2,1]}' ] || exit 9
         printf '{"say":"info","text":"one"}\n{"say":"warning","text":"two"}\n'
         printf '{"ok":true,"engine":3,"timings":2}\n%s\nx' "$rest")");
  EXPECT_EQ(as_text(answer.engine), "abc");
  EXPECT_EQ(as_text(answer.timings), "\nx");
}

TEST(EngineWorker, PassesOnWhatIsSaid) {
  std::vector<std::string> said;
  ask(R"(cat >/dev/null; printf '{"say":"info","text":"one"}\n{"say":"warning","text":"two"}\n'
         printf '{"ok":true,"engine":0,"timings":0}\n')",
      {.say = [&](std::string_view level,
                  std::string_view text) { said.push_back(std::string(level) + " " + std::string(text)); },
       .check = {}});
  EXPECT_THAT(said, ElementsAre("info one", "warning two"));
}

TEST(EngineWorker, TellsTheWorkersReason) {
  EXPECT_THAT(message(R"(cat >/dev/null; echo '{"ok":false,"kind":"bad_input","error":"no such node"}')"),
              testing::StrEq("the builder: no such node"));
  try {
    ask(R"(cat >/dev/null; echo '{"ok":false,"kind":"unsupported","error":"x"}')");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kUnsupported);
  }
  EXPECT_THAT(message(R"(echo '{"ok":false,"kind":7}')"), HasSubstr("no reason given"));
}

TEST(EngineWorker, RefusesOtherAnswers) {
  EXPECT_THAT(message("cat >/dev/null"), HasSubstr("the builder gives no answer"));
  EXPECT_THAT(message("echo hello"), HasSubstr("an answer of another form"));
  EXPECT_THAT(message("echo '[1]'"), HasSubstr("an answer of another form"));
  EXPECT_THAT(message(R"(echo '{"ok":1}')"), HasSubstr("an answer of another form"));
  EXPECT_THAT(message(R"(printf '{"ok":true,"engine":5,"timings":0}\nabc')"),
              HasSubstr("announces 5 and 0 bytes and gives 3"));
  EXPECT_THAT(message(R"(printf '{"ok":true,"engine":2}\nabc')"), HasSubstr("and gives 3"));
  EXPECT_THAT(message(R"(printf '{"ok":true,"engine":-1,"timings":18446744073709551615}\nabc')"),
              HasSubstr("and gives 3"));
}

TEST(EngineWorker, TellsACrashFromAnEnd) {
  EXPECT_THAT(message("kill -SEGV $$"), HasSubstr("the builder crashed (Segmentation fault)"));
  EXPECT_THAT(message("kill -9 $$"), HasSubstr("crashed (Killed)"));
  EXPECT_THAT(message("echo first >&2; echo last >&2; exit 3"),
              HasSubstr("ended with status 3 (it says: last)"));
  // Its last word does not count when it died of saying it.
  EXPECT_THAT(message(R"(printf '{"ok":true,"engine":0,"timings":0}\n'; exit 4)"),
              HasSubstr("ended with status 4"));
}

TEST(EngineWorker, EndsAWorkerThatTakesTooLongOrIsNotWantedAnyMore) {
  EXPECT_THAT(message_of([] { ask("sleep 100", {}, 300ms); }),
              HasSubstr("the builder did not end within 0.3 seconds (give it more with --time_limit"));
  EXPECT_THAT(message_of([] {
                ask("sleep 100",
                    {.say = {}, .check = [] { throw Error(Kind::kInterrupted, "interrupted"); }});
              }),
              testing::StrEq("interrupted"));
}

}  // namespace
}  // namespace etalon
