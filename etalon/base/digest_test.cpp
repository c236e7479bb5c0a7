#include "etalon/base/digest.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace etalon {
namespace {

std::string sample(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text.push_back(static_cast<char>(i * 7 % 251));
  return text;
}

// From python-xxhash 4.1.0 (xxHash 0.8.4): xxh3_128_hexdigest(bytes(i * 7 % 251 for i in range(n))). The
// lengths are those at which XXH3 changes its way.
TEST(Digest, OfBytesIsXxh3sCanonicalForm) {
  for (const auto& [size, hex] : {
           std::pair<std::size_t, std::string>{0, "99aa06d3014798d86001c324468d497f"},
           {1, "a6cd5e9392000f6ac44bdff4074eecdb"},
           {9, "82ddc95bc76007671c69c3f04aaed08c"},
           {100, "fc8da0d97205f51d6c45cd2f745cc3a7"},
           {200, "5451071ed36ad47079ad90815b45bbd9"},
           {1000, "5ed35fc6b4f0ef20d1eb8367bf3294e7"},
           {100000, "70227b16fd5f74ef17a701075a95b432"},
       })
    EXPECT_EQ(Digest().bytes(as_bytes(sample(size))).hex(), hex) << size;
}

TEST(Digest, OfTextsAndNumbersIsThatOfTheirLittleEndianBytes) {
  // xxh3_128_hexdigest(pack('<Q', 2) + b'ab' + pack('<Q', 1) + b'c' + pack('<Q', 0x0123456789abcdef))
  EXPECT_EQ(Digest().text("ab").text("c").number(0x0123456789abcdef).hex(),
            "4091ac6f05ecc27c2c5f564f1564d12a");
}

TEST(Digest, KnowsWhereATextEnds) {
  EXPECT_NE(Digest().text("ab").text("c").hex(), Digest().text("a").text("bc").hex());
  EXPECT_NE(Digest().text("").text("a").hex(), Digest().text("a").text("").hex());
  EXPECT_EQ(Digest().bytes(as_bytes("ab")).bytes(as_bytes("c")).hex(), Digest().bytes(as_bytes("abc")).hex());
}

TEST(Digest, CanBeReadInBetween) {
  Digest digest;
  digest.text("a");
  EXPECT_EQ(digest.hex(), Digest().text("a").hex());
  digest.number(1);
  EXPECT_EQ(digest.hex(), Digest().text("a").number(1).hex());
  Digest moved = std::move(digest);
  EXPECT_EQ(moved.hex(), Digest().text("a").number(1).hex());
}

TEST(Digest, IsKnownByItsForm) {
  EXPECT_TRUE(is_digest(Digest().hex()));
  for (const char* wrong : {"", "99aa06d3014798d86001c324468d497", "99aa06d3014798d86001c324468d497f0",
                            "99AA06d3014798d86001c324468d497f", "g9aa06d3014798d86001c324468d497f"})
    EXPECT_FALSE(is_digest(wrong)) << wrong;
}

}  // namespace
}  // namespace etalon
