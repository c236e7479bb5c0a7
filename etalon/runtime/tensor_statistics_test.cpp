#include "etalon/runtime/tensor_statistics.hpp"

#include <gtest/gtest.h>

namespace etalon {
namespace {

TEST(TensorStatistics, MergesCountsAndTheLargerMaximum) {
  TensorStatistics a, b;
  a.values = 3;
  a.nans = 1;
  a.max_bits = 0x3f800000;
  a.buckets[0x3f80] = 2;
  b.values = 4;
  b.infinities = 2;
  b.max_bits = 0x40000000;
  b.buckets[0] = 1;
  b.buckets[0x4000] = 1;
  TensorStatistics ab = a, ba = b;
  ab.merge(b);
  ba.merge(a);
  EXPECT_EQ(ab, ba);
  EXPECT_EQ(ab.values, 7U);
  EXPECT_EQ(ab.nans, 1U);
  EXPECT_EQ(ab.infinities, 2U);
  EXPECT_EQ(ab.max(), 2.0F);
  EXPECT_EQ(ab.zeros(), 1U);
  EXPECT_EQ(ab.buckets[0x3f80], 2U);
}

TEST(TensorStatistics, EdgesAreTheFloatsWithThatUpperHalf) {
  EXPECT_EQ(TensorStatistics::edge(0x3f80), 1.0F);
  EXPECT_EQ(TensorStatistics::edge(0x3f81), 1.0078125F);
  EXPECT_EQ(TensorStatistics::edge(0), 0.0F);
}

}  // namespace
}  // namespace etalon
