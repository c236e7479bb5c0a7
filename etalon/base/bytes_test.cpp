#include "etalon/base/bytes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

TEST(ByteCursor, ReadsLittleEndianNumbersInOrder) {
  const std::string text("\x01\x02\x03\x04\xff\x00\x00\x00\x00\x00\x00\x80rest", 16);
  ByteCursor cursor(as_bytes(text));
  EXPECT_EQ(cursor.u32("a"), 0x04030201U);
  EXPECT_EQ(cursor.u64("b"), 0x80000000000000ffU);
  EXPECT_EQ(as_text(cursor.take(4, "c")), "rest");
  EXPECT_EQ(cursor.remaining(), 0U);
}

TEST(ByteCursor, RefusesToLeaveTheBytesAndSaysWhere) {
  ByteCursor cursor(as_bytes("abcdef"));
  cursor.take(4, "head");
  try {
    cursor.u32("length");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kBadInput);
    EXPECT_THAT(error.line(), testing::HasSubstr("length needs 4 bytes at offset 4, but only 2 are left"));
  }
  EXPECT_THROW(cursor.take(UINT64_MAX, "huge"), Error);
  EXPECT_EQ(cursor.remaining(), 2U);
}

}  // namespace
}  // namespace etalon
