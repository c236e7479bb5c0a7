#include "etalon/calibration/random_draw.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace etalon {
namespace {

// testdata/make_testdata.py draws by an implementation of its own.
TEST(DrawWithoutReplacement, DrawsWhatTheDescriptionSays) {
  std::ifstream file(ETALON_CALIBRATION_TESTDATA "/draws.txt");
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    std::istringstream words(line);
    std::size_t available = 0, count = 0;
    std::uint64_t seed = 0;
    words >> available >> count >> seed;
    std::vector<std::size_t> expected(count);
    for (auto& number : expected) words >> number;
    ASSERT_TRUE(words) << line;
    EXPECT_EQ(draw_without_replacement(available, count, seed), expected) << line;
  }
  EXPECT_EQ(lines, 6);
}

TEST(DrawWithoutReplacement, DrawsEachOnceAndASmallDrawBeginsALargeOne) {
  const auto all = draw_without_replacement(100, 100, 42);
  EXPECT_EQ(std::set<std::size_t>(all.begin(), all.end()).size(), 100U);
  const auto some = draw_without_replacement(100, 17, 42);
  EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin()));
  EXPECT_NE(draw_without_replacement(100, 17, 43), some);
  EXPECT_TRUE(draw_without_replacement(0, 0, 42).empty());
}

TEST(DrawWithoutReplacement, GivesEachItsChance) {
  std::vector<int> first(5);
  for (std::uint64_t seed = 0; seed < 5000; ++seed) ++first[draw_without_replacement(5, 1, seed)[0]];
  for (const int count : first)
    EXPECT_NEAR(count, 1000, 120);  // 4 standard deviations of a fair draw are 113
}

}  // namespace
}  // namespace etalon
