#include "etalon/pipeline/file_pattern.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace etalon {
namespace {

namespace fs = std::filesystem;

TEST(FilePattern, FindsWhatAShellWould) {
  std::string folder = (fs::temp_directory_path() / "etalon-pattern-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const fs::path root(folder);
  fs::create_directories(root / "records/a");
  for (const auto* name : {"records/train-fold-000-of-002", "records/a/b.tfrecord", "records/.hidden"})
    std::ofstream(root / name) << "x";
  for (const auto* pattern :
       {"records/train-fold-*", "records/train-fold-000-of-002", "rec*/*/b.*", "records/[a]",
        "records/train?fold-0*", "records", "*", "records/a/../a/*", "records/.h*"})
    EXPECT_EQ(any_file_matches(root / pattern), true) << pattern;
  for (const auto* pattern :
       {"records/val-*", "rec/*", "records/*hidden", "records/a/b.tfrecord/*", "records/?"})
    EXPECT_EQ(any_file_matches(root / pattern), std::string_view(pattern) == "records/?") << pattern;
  fs::remove_all(root);
}

TEST(FilePattern, GivesUpWhereLookingWouldTakeTooLong) {
  EXPECT_EQ(any_file_matches("/proc/*a*a*a*a*a*a*a*a*a"), std::nullopt);
  std::string long_pattern = "/";
  for (int i = 0; i < 100'000; ++i) long_pattern += "./";
  EXPECT_EQ(any_file_matches(long_pattern), std::nullopt);
  EXPECT_NE(any_file_matches("/*/../*/../*/../*/../*/../*/../*/../*/../*/../no such file"), true);
}

}  // namespace
}  // namespace etalon
