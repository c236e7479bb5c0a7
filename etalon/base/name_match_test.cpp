#include "etalon/base/name_match.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace etalon {
namespace {

TEST(NearestName, FindsTheClosestAndGivesUpOnTheFar) {
  const std::vector<std::string> flags{"--data_type", "--batches", "--batch_size"};
  EXPECT_EQ(nearest_name("--data_tipe", flags), "--data_type");
  EXPECT_EQ(nearest_name("--bacthes", flags), "--batches");
  EXPECT_EQ(nearest_name("--zzzzzzzz", flags), std::nullopt);
  EXPECT_EQ(nearest_name("", flags), std::nullopt);
  EXPECT_EQ(nearest_name(std::string(100000, 'x'), flags), std::nullopt);
}

}  // namespace
}  // namespace etalon
