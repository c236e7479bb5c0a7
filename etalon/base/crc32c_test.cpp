#include "etalon/base/crc32c.hpp"

#include <gtest/gtest.h>

#include <string>

namespace etalon {
namespace {

std::string counted(int from, int to, int step) {
  std::string text;
  for (int i = from; i != to; i += step) text.push_back(static_cast<char>(i));
  return text;
}

TEST(Crc32c, GivesTheVectorsOfRfc3720) {  // B.4
  EXPECT_EQ(crc32c(as_bytes(std::string(32, '\0'))), 0x8a9136aaU);
  EXPECT_EQ(crc32c(as_bytes(std::string(32, '\xff'))), 0x62a8ab43U);
  EXPECT_EQ(crc32c(as_bytes(counted(0, 32, 1))), 0x46dd794eU);
  EXPECT_EQ(crc32c(as_bytes(counted(31, -1, -1))), 0x113fdb5cU);
  const std::string read_command(
      "\x01\xc0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x14\0\0\0\0\0\x04\0\0\0\0\x14\0\0\0\x18\x28\0\0\0\0\0\0\0\x02\0\0"
      "\0\0"
      "\0\0\0",
      48);
  EXPECT_EQ(crc32c(as_bytes(read_command)), 0xd9963a56U);
}

TEST(Crc32c, GivesTheUsualCheckValue) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283U);
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Crc32c, IsTheSameHoweverTheBytesAreCut) {
  const std::string text = counted(0, 100, 1);
  const std::uint32_t whole = crc32c(as_bytes(text));
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    EXPECT_EQ(crc32c(as_bytes(text.substr(cut)), crc32c(as_bytes(text.substr(0, cut)))), whole) << cut;
}

// The first 12 bytes of a TFRecord file that TensorFlow wrote: a length and its masked CRC.
TEST(Crc32c, IsMaskedAsTensorFlowDoes) {
  EXPECT_EQ(masked_crc(crc32c(as_bytes(std::string("\x5c\x04\0\0\0\0\0\0", 8)))), 0x09589408U);
  EXPECT_EQ(masked_crc(0), 0xa282ead8U);
}

}  // namespace
}  // namespace etalon
