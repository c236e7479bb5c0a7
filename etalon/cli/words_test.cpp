#include "etalon/cli/words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

using Words = std::vector<std::string>;
const Words kFlags{"--batches",   "--batch_size", "--cal_cache_file", "--cal_image_dir",
                   "--data_type", "--model",      "--num_processes"};

std::string refusal(Words words) {
  try {
    expand_flags(std::move(words), kFlags);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kWrongUsage);
    return error.line();
  }
  return "no error";
}

TEST(CanonicalWords, KnowsEverySpellingOfTao) {
  const Words wanted{"detectnet_v2", "export", "-m", "x"};
  EXPECT_EQ(canonical_words("/usr/bin/etalon", {"detectnet_v2", "export", "-m", "x"}), wanted);
  EXPECT_EQ(canonical_words("build/etalon", {"model", "detectnet_v2", "export", "-m", "x"}), wanted);
  EXPECT_EQ(canonical_words("/usr/bin/detectnet_v2", {"export", "-m", "x"}), wanted);
  EXPECT_EQ(canonical_words("tao", {"detectnet_v2", "export", "-m", "x"}), wanted);
  EXPECT_EQ(canonical_words("tao", {"model", "detectnet_v2", "export", "-m", "x"}), wanted);
}

TEST(TaskFirst, MovesFlagsThatStandBeforeTheTask) {
  const Words tasks{"export"};
  EXPECT_EQ(task_first({"--gpu_index", "0", "export", "-m", "x"}, tasks),
            (Words{"export", "--gpu_index", "0", "-m", "x"}));
  EXPECT_EQ(task_first({"export", "-m", "export"}, tasks), (Words{"export", "-m", "export"}));
  EXPECT_EQ(task_first({"--help"}, tasks), Words{"--help"});
}

TEST(WithoutEmptyValues, DropsFlagsWhoseValueIsEmpty) {
  EXPECT_EQ(without_empty_values({"-m", "x", "-k", "", "--results_dir=", "--force"}),
            (Words{"-m", "x", "--force"}));
  EXPECT_EQ(without_empty_values({"--key=a="}), Words{"--key=a="}) << "a value may end in =";
}

TEST(ExpandFlags, TakesUnambiguousPrefixes) {
  EXPECT_EQ(expand_flags({"--mod", "m", "--cal_cache", "c", "--data=int8", "-np", "1"}, kFlags),
            (Words{"--model", "m", "--cal_cache_file", "c", "--data_type=int8", "--num_processes", "1"}));
}

TEST(ExpandFlags, LeavesValuesAndWordsBehindTwoDashesAlone) {
  EXPECT_EQ(expand_flags({"-m", "x", "--", "--unknown"}, kFlags), (Words{"-m", "x", "--", "--unknown"}));
}

TEST(ExpandFlags, RefusesTheAmbiguousAndTheUnknown) {
  EXPECT_EQ(refusal({"--batch", "1"}), "--batch could be any of --batches, --batch_size (write more of it)");
  EXPECT_EQ(refusal({"--data_tipe", "int8"}), "unknown flag --data_tipe (did you mean --data_type?)");
  EXPECT_EQ(refusal({"--zzz"}), "unknown flag --zzz (--help lists the flags)");
}

}  // namespace
}  // namespace etalon
