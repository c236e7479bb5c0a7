#include "etalon/formats/statistics_file/statistics_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <filesystem>
#include <functional>

#include "etalon/base/crc32c.hpp"
#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/base/message_of_test.hpp"

namespace etalon {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

std::string known_file() {
  const Bytes bytes = read_file(std::filesystem::path(ETALON_STATISTICS_TESTDATA) / "part_1_of_3.stats");
  return std::string(as_text(bytes));
}

// What testdata/make_testdata.py prints: NumPy's counts.
StatisticsFile known() {
  return {
      .run = "000102030405060708090a0b0c0d0e0f",
      .model = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
      .shard = 1,
      .shards = 3,
      .images = 20,
      .images_done = 7,
      .facts = {{"source", "images in 'pictures'"}, {"precision", "f32"}, {"etalon", "0.1.0 \xc3\xa4"}},
      .tensors = {
          {"activation_1/Relu",
           317,
           0,
           0,
           0x43964000,
           {{0, 7}, {0x3e80, 1}, {0x3e85, 1}, {0x3f80, 5}, {0x3f81, 300}, {0x3f82, 2}, {0x4396, 1}}},
          {"empty", 0, 0, 0, 0, {}},
          {"input_1", 314, 1, 3, 0x7f7fffff, {{0, 2}, {0x3f80, 5}, {0x3f81, 300}, {0x3f82, 2}, {0x7f7f, 1}}},
          {"nan", 2, 2, 0, 0, {}}}};
}

StatisticsFile empty_file() {
  StatisticsFile file;
  file.run = std::string(32, '0');
  file.model = std::string(32, 'f');
  return file;
}

std::string little_endian(std::uint64_t number, std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(number >> 8 * i));
  return bytes;
}

std::string with_crc(std::string content) {
  content += little_endian(crc32c(as_bytes(content)), 4);
  return content;
}

std::string without_crc(std::string file) {
  file.resize(file.size() - 4);
  return file;
}

std::string message_of_bytes(const std::string& bytes) {
  return message_of([&] { parse_statistics(as_bytes(bytes)); });
}

TEST(StatisticsFile, IsReadAsAnotherImplementationWroteIt) {
  EXPECT_EQ(parse_statistics(as_bytes(known_file())), known());
}

TEST(StatisticsFile, IsWrittenAsByAnotherImplementation) {
  EXPECT_EQ(format_statistics(known()), known_file());
}

TEST(StatisticsFile, HoldsTheLargestCountsAndAllKeys) {
  StatisticsFile file = empty_file();
  file.shards = file.images = file.images_done = UINT64_MAX;
  file.shard = UINT64_MAX - 1;
  StoredStatistics all{"all", 0, 0, 0, 0x7f7fabcd, {}};
  for (std::uint16_t key = 0; key < 0x7f80; ++key)
    all.buckets.emplace_back(key, key % 7 == 0 ? 1U << 31 : key);
  for (const auto& [key, count] : all.buckets) all.values += count;
  file.tensors = {all,
                  {"most", UINT64_MAX, 0, 0, 0x12345, {{1, UINT64_MAX}}},
                  {"most of all kinds", UINT64_MAX, 1, 2, 0x12345, {{0, 1}, {1, UINT64_MAX - 4}}}};
  EXPECT_EQ(parse_statistics(as_bytes(format_statistics(file))), file);
}

TEST(StatisticsFile, WithNothingInItIsReadBack) {
  const StatisticsFile file = empty_file();
  const std::string bytes = format_statistics(file);
  EXPECT_EQ(bytes.size(), 8U + 4 + 3 * 8 + 64 + 1 + 1 + 4);
  EXPECT_EQ(parse_statistics(as_bytes(bytes)), file);
}

// A ResNet-18 at 544x960 computes 75 million values an image in 54 tensors; 100 images make 1.4e8 a tensor.
// Normal values, with the noise of counting.
TEST(StatisticsFile, OfAResNet18StaysBelow300KB) {
  StatisticsFile file = empty_file();
  std::uint32_t seed = 1;
  const auto noise = [&] {  // about -1.7 to 1.7, variance 1
    seed = seed * 1664525 + 1013904223;
    return (static_cast<double>(seed >> 8) / (1 << 23) - 1) * 1.73;
  };
  const auto below = [](std::uint32_t key) {
    return std::erf(std::bit_cast<float>(key << 16) / std::sqrt(2.0));
  };
  for (int i = 10; i < 64; ++i) {
    StoredStatistics tensor{"block_" + std::to_string(i) + "/convolution", 0, 0, 0, 0, {}};
    for (std::uint16_t key = 0; key < 0x7f80; ++key) {
      const double expected = 1.4e8 * (below(key + 1U) - below(key));
      const auto count = static_cast<std::uint64_t>(std::max(0.0, expected + noise() * std::sqrt(expected)));
      if (count == 0) continue;
      tensor.buckets.emplace_back(key, count);
      tensor.values += count;
      tensor.max_bits = static_cast<std::uint32_t>(key) << 16;
    }
    EXPECT_GT(tensor.buckets.size(), 2500U);
    file.tensors.push_back(std::move(tensor));
  }
  const std::string bytes = format_statistics(file);
  EXPECT_LT(bytes.size(), 300000U);
  EXPECT_EQ(parse_statistics(as_bytes(bytes)), file);
}

TEST(StatisticsFile, WithOneTurnedBitSaysChecksum) {
  const std::string good = known_file();
  for (std::size_t byte = 0; byte < good.size(); ++byte)
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[byte] = static_cast<char>(bad[byte] ^ 1 << bit);
      EXPECT_THAT(message_of_bytes(bad),
                  HasSubstr(byte < 8 ? "not a file of calibration statistics" : "checksum"))
          << byte;
    }
}

TEST(StatisticsFile, CutOffSaysChecksum) {
  const std::string good = known_file();
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_THAT(message_of_bytes(good.substr(0, size)),
                HasSubstr(size < 8 ? "not a file of calibration statistics" : "checksum"))
        << size;
  EXPECT_THAT(message_of_bytes(good + '\0'), HasSubstr("checksum"));
}

TEST(StatisticsFile, OfANewerVersionSaysSo) {
  std::string newer = without_crc(known_file());
  newer[8] = 2;
  newer += "and what nobody knows yet";
  try {
    parse_statistics(as_bytes(with_crc(newer)));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kUnsupported);
    EXPECT_EQ(error.line(), "statistics of version 2, this etalon reads version 1 (use a newer etalon)");
  }
  newer[8] = 0;
  EXPECT_THAT(message_of_bytes(with_crc(newer)), HasSubstr("version 0"));
}

// A file around one tensor's bytes, or around any other sections.
std::string file_of(const std::string& run, const std::string& facts, const std::string& tensors) {
  const auto section = [](const char* name, const std::string& content) {
    return name + little_endian(content.size(), 4) + content;
  };
  return with_crc(std::string("\x89"
                              "ETST\r\n\x1a") +
                  little_endian(1, 4) + section("run ", run) + section("fact", facts) +
                  section("tens", tensors));
}
std::string run_of(std::uint64_t shard, std::uint64_t shards, std::uint64_t images, std::uint64_t done) {
  return std::string(32, '\0') + little_endian(shard, 8) + little_endian(shards, 8) +
         little_endian(images, 8) + little_endian(done, 8);
}

TEST(StatisticsFile, WithARightChecksumIsStillLookedThrough) {
  const std::string run = run_of(0, 1, 0, 0), none("\0", 1), most(9, '\xff');
  // Two values in bucket 0x3f80, in parts to be replaced: values, NaNs, infinities | largest | buckets:
  // number, gap, run, count.
  const std::string counted("\x02\0\0", 3), largest("\0\0\x80\x3f", 4), gap("\x80\x7f", 2);
  const auto tensor = [&](const std::string& head, const std::string& max, const std::string& buckets) {
    return file_of(run, none,
                   "\x01\x01"
                   "a" +
                       head + max + buckets);
  };
  const std::string buckets = "\x01" + gap + "\x01\x04";
  EXPECT_EQ(message_of_bytes(tensor(counted, largest, buckets)), "no error");
  const struct {
    const char* what;
    std::string bytes;
    const char* problem;
  } table[] = {
      {"part beyond", file_of(run_of(3, 3, 0, 0), none, none), "part 3 of 3, counted from 0, does not exist"},
      {"no parts", file_of(run_of(0, 0, 0, 0), none, none), "part 0 of 0"},
      {"done beyond", file_of(run_of(0, 1, 4, 5), none, none), "5 images are done of 4"},
      {"run too short", file_of(run.substr(1), none, none), "the number of images done needs 8 bytes"},
      {"run too long", file_of(run + "?", none, none), "1 bytes are left over, in section 'run '"},
      {"no fact section", with_crc(without_crc(file_of(run, "", "")).substr(0, 12 + 8 + 64)),
       "a section's name needs 4 bytes"},
      {"fact cut",
       file_of(run,
               "\x01\x05"
               "abc",
               none),
       "a fact's key needs 5 bytes"},
      {"fact too long", file_of(run, std::string("\x01\x81\x80\x04", 4), none),
       "the length of a fact's key is 65537, expected at most 65536"},
      {"too many facts", file_of(run, "\xe9\x07", none),
       "the number of facts is 1001, expected at most 1000"},
      {"facts left over", file_of(run, none + "?", none), "1 bytes are left over, in section 'fact'"},
      {"tensors missing", file_of(run, none, "\x01"), "the length of a tensor's name needs 1 bytes"},
      {"too many tensors", file_of(run, none, most + "\x01"),
       "the number of tensors is 18446744073709551615"},
      {"number of 65 bits", file_of(run, none, most + "\x02"), "the number of tensors has more than 64 bits"},
      {"number without end", file_of(run, none, most + most), "the number of tensors has more than 64 bits"},
      {"number of two forms", file_of(run, none, std::string("\x80\0", 2)),
       "is not written the shortest way"},
      {"tensors left over", file_of(run, none, none + "?"), "1 bytes are left over, in section 'tens'"},
      {"name too long", file_of(run, none, "\x01\x81\x20"),
       "the length of a tensor's name is 4097, expected at"},
      {"name empty", file_of(run, none, std::string("\x01\0\0\0\0\0\0\0\0\0", 10)), "its name has 0 bytes"},
      {"values wrong", tensor(std::string("\x03\0\0", 3), largest, buckets),
       "3 values, but its buckets, NaNs and infinities count 2, in tensor 'a'"},
      {"NaNs not counted", tensor(std::string("\x02\x01\0", 3), largest, buckets), "infinities count 3"},
      {"infinities not counted", tensor(std::string("\x02\0\x01", 3), largest, buckets),
       "infinities count 3"},
      {"sum overflows", tensor(std::string("\x01\0", 2) + most + "\x01", largest, buckets),
       "more than 64 bits hold"},
      {"largest too large", tensor(counted, std::string("\0\0\x81\x3f", 4), buckets),
       "0x3f810000 does not lie"},
      {"largest too small", tensor(counted, std::string("\xff\xff\x7f\x3f", 4), buckets),
       "0x3f7fffff does not lie"},
      {"largest negative", tensor(counted, std::string("\0\0\x80\xbf", 4), buckets),
       "0xbf800000 does not lie"},
      {"largest of nothing", tensor(std::string(3, '\0'), largest, none), "0x3f800000 does not lie"},
      {"too many buckets", tensor(counted, largest, "\x81\xff\x01" + gap), "the number of buckets is 32641"},
      {"buckets beyond the file", tensor(counted, largest, "\x7f" + gap + "\x01\x04"),
       "127 buckets, but only 4 bytes"},
      {"bucket of infinity", tensor(counted, largest, "\x01\x80\xff\x01\x01\x04"),
       "the length of a run of buckets is"},
      {"gap beyond", tensor(counted, largest, "\x01\x81\xff\x01\x01\x04"), "a gap between buckets is 32641"},
      {"run empty", tensor(counted, largest, std::string("\x01\x01\0\x04", 4)), "a run of buckets is empty"},
      {"run too long", tensor(counted, largest, "\x01" + gap + "\x02\x04\x04"),
       "a run of buckets is 2, expected at"},
      {"two runs for one", tensor(counted, largest, std::string("\x02\x01\x01\x02\0\x01\0", 7)),
       "have no gap between"},
      {"bucket empty", tensor(counted, largest, std::string("\x02\x80\x7f\x02\x04\x03", 6)),
       "bucket 0x3f81 is empty"},
      {"tensor twice",
       file_of(run, none,
               std::string("\x02\x01"
                           "a\0\0\0\0\0\0\0\0\x01"
                           "a\0\0\0\0\0\0\0\0",
                           21)),
       "it does not stand after 'a' by name, in tensor 'a'"},
      {"tensors in disorder",
       file_of(run, none,
               std::string("\x02\x01"
                           "b\0\0\0\0\0\0\0\0\x01"
                           "a\0\0\0\0\0\0\0\0",
                           21)),
       "it does not stand after 'b' by name, in tensor 'a'"},
  };
  for (const auto& [what, bytes, problem] : table)
    EXPECT_THAT(message_of_bytes(bytes), HasSubstr(problem)) << what;
}

TEST(StatisticsFile, HasItsSectionsInOneOrder) {
  std::string bytes = without_crc(known_file());
  const std::size_t at = bytes.find("fact");
  EXPECT_THAT(message_of_bytes(with_crc(bytes.replace(at, 4, "fax\x01"))),
              HasSubstr("section 'fax\\x01' stands in its place, in section 'fact'"));
  bytes.replace(at, 8, "fact\xff\xff\xff\xff");
  EXPECT_THAT(message_of_bytes(with_crc(bytes)), HasSubstr("a section needs 4294967295 bytes"));
  EXPECT_THAT(message_of_bytes(with_crc(without_crc(known_file()) + "more")),
              HasSubstr("4 bytes stand after the last section"));
}

// Whatever is done to it, a file with a right checksum is refused or is the one form of what it holds.
TEST(StatisticsFile, HasOneForm) {
  const std::string good = without_crc(known_file());
  int accepted = 0;
  for (std::size_t at = 0; at < good.size(); ++at)
    for (int value = 0; value < 256; value += 5) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(value);
      bytes = with_crc(bytes);
      try {
        EXPECT_EQ(format_statistics(parse_statistics(as_bytes(bytes))), bytes) << at << ' ' << value;
        ++accepted;
      } catch (const Error& error) {
        EXPECT_THAT(error.kind(), AnyOf(Kind::kBadInput, Kind::kUnsupported));
      }
    }
  EXPECT_GT(accepted, 2000);  // in digests, facts and names
}

TEST(StatisticsFile, IsNotWrittenWrong) {
  const struct {
    const char* problem;
    std::function<void(StatisticsFile&)> change;
  } table[] = {
      {"a digest is not of 32", [](StatisticsFile& file) { file.run = ""; }},
      {"a digest is not of 32", [](StatisticsFile& file) { file.model[3] = 'G'; }},
      {"part 3 of 3", [](StatisticsFile& file) { file.shard = 3; }},
      {"21 images are done of 20", [](StatisticsFile& file) { file.images_done = 21; }},
      {"1001 facts", [](StatisticsFile& file) { file.facts.resize(1001); }},
      {"fact 'source' has more than", [](StatisticsFile& file) { file.facts[0].second.resize(65537); }},
      {"its name has 4097 bytes", [](StatisticsFile& file) { file.tensors[0].tensor.resize(4097, 'a'); }},
      {"does not stand after 'input_1'", [](StatisticsFile& file) { file.tensors[3].tensor = "input_1"; }},
      {"bucket 0x3e80 is out of order",
       [](StatisticsFile& file) { file.tensors[0].buckets[2].first = 0x3e80; }},
      {"bucket 0x7f80 is out of order",
       [](StatisticsFile& file) { file.tensors[2].buckets[4].first = 0x7f80; }},
      {"bucket 0x3e80 is empty", [](StatisticsFile& file) { file.tensors[0].buckets[1].second = 0; }},
      {"3 values, but its buckets", [](StatisticsFile& file) { file.tensors[3].values = 3; }},
      {"0x00000001 does not lie", [](StatisticsFile& file) { file.tensors[3].max_bits = 1; }},
  };
  for (const auto& [problem, change] : table) {
    StatisticsFile file = known();
    change(file);
    EXPECT_THAT(message_of([&] { format_statistics(file); }), HasSubstr(problem));
  }
}

TEST(StatisticsFile, IsKnownByItsFirstBytes) {
  EXPECT_TRUE(looks_like_statistics(as_bytes(known_file().substr(0, 8))));
  EXPECT_FALSE(looks_like_statistics(as_bytes(known_file().substr(0, 7))));
  EXPECT_FALSE(looks_like_statistics(as_bytes("\x89PNG\r\n\x1a\n")));
  EXPECT_FALSE(looks_like_statistics({}));
}

}  // namespace
}  // namespace etalon
