#include "etalon/calibration/shard.hpp"

#include <gtest/gtest.h>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

TEST(Shard, IsWrittenAsPartOfACount) {
  EXPECT_EQ(parse_shard("0/1"), (Shard{0, 1}));
  EXPECT_EQ(parse_shard("2/7"), (Shard{2, 7}));
  for (const char* wrong : {"", "1", "/", "1/", "/2", "3/3", "4/3", "-1/3", "1/0", "0/0", "1/3x", " 1/3",
                            "1/3/4", "0/10001", "99999999999999999999/99999999999999999999"})
    EXPECT_THROW(parse_shard(wrong), Error) << wrong;
}

TEST(Shard, PartsAreAllOfTheImagesOnceAndOfNearlyEqualSize) {
  for (const std::uint64_t images : {0U, 1U, 2U, 7U, 40U, 1001U})
    for (const std::uint64_t count : {1U, 2U, 3U, 7U, 64U}) {
      std::uint64_t next = 0;
      for (std::uint64_t i = 0; i < count; ++i) {
        const Part part = part_of(images, {i, count});
        EXPECT_EQ(part.first, next);
        EXPECT_TRUE(part.count == images / count || part.count == images / count + 1);
        next += part.count;
      }
      EXPECT_EQ(next, images);
    }
}

}  // namespace
}  // namespace etalon
