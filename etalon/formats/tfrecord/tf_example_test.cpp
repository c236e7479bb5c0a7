#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "etalon/base/error.hpp"
#include "etalon/formats/tfrecord/tfrecord.hpp"

namespace etalon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Features = std::map<std::string, TfFeature>;
using Ints = std::vector<std::int64_t>;
using Floats = std::vector<float>;
using Texts = std::vector<std::string>;

std::vector<Features> examples_of(const char* file) {
  std::vector<Features> examples;
  read_tfrecords(std::filesystem::path(ETALON_TFRECORD_TESTDATA) / file,
                 [&](std::uint64_t, ByteView record) { examples.push_back(parse_tf_example(record)); });
  return examples;
}

template <class Values>
const Values& get(const Features& features, const char* name) {
  return std::get<Values>(features.at(name).values);
}

std::string message_of(const std::string& bytes) {
  try {
    parse_tf_example(as_bytes(bytes));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kBadInput);
    return error.line();
  }
  return "no error";
}

std::string field(int number, const std::string& payload) {
  std::string bytes{static_cast<char>(number << 3 | 2)};
  std::size_t size = payload.size();
  for (; size > 127; size >>= 7) bytes += static_cast<char>(size | 128);
  return bytes + static_cast<char>(size) + payload;
}

TEST(TfExample, HasListsOfThreeKinds) {
  const Features features = examples_of("kinds.tfrecord").at(0);
  EXPECT_EQ(features.size(), 7U);
  EXPECT_THAT(get<Texts>(features, "bytes"), ElementsAre("a", "", std::string("\xff\0", 2)));
  EXPECT_THAT(get<Floats>(features, "floats"),
              ElementsAre(0.1F, 0.0F, std::numeric_limits<float>::infinity()));
  EXPECT_TRUE(std::signbit(get<Floats>(features, "floats")[1]));
  EXPECT_THAT(get<Ints>(features, "ints"), ElementsAre(0, -1, INT64_MAX, INT64_MIN));
  EXPECT_THAT(get<Texts>(features, "no_bytes"), IsEmpty());
  EXPECT_THAT(get<Floats>(features, "no_floats"), IsEmpty());
  EXPECT_THAT(get<Ints>(features, "no_ints"), IsEmpty());
  EXPECT_TRUE(std::holds_alternative<std::monostate>(features.at("unset").values));
}

TEST(TfExample, MayHaveListsThatAreNotPacked) {
  const Features features = examples_of("kinds.tfrecord").at(1);
  EXPECT_THAT(get<Ints>(features, "ints"), ElementsAre(5, -1));
  EXPECT_THAT(get<Floats>(features, "floats"), ElementsAre(0.5F, -2.0F));
}

TEST(TfExample, KeepsTheLaterOfTwoWithOneNameAndIgnoresUnknownFields) {
  const Features features = examples_of("kinds.tfrecord").at(2);
  EXPECT_EQ(features.size(), 1U);
  EXPECT_THAT(get<Ints>(features, "twice"), ElementsAre(2));
}

// An Example with one list of texts, given as it stands in the message.
std::string text_list(const std::string& list) {
  return field(1, field(1, field(1, "name") + field(2, field(1, list))));
}
std::string texts(std::size_t count, const std::string& text) {
  std::string list;
  for (std::size_t i = 0; i < count; ++i) list += field(1, text);
  return list;
}

TEST(TfExample, MayHoldALargePictureAndManyMasks) {
  const std::string picture(std::size_t{18} << 20, 'p'), mask(kLongTextBytes, 'm');
  const Features features = parse_tf_example(as_bytes(text_list(field(1, picture) + texts(1000, mask))));
  const auto& found = std::get<std::vector<std::string>>(features.at("name").values);
  ASSERT_EQ(found.size(), 1001U);
  EXPECT_EQ(found.front(), picture);
  EXPECT_EQ(found.back(), mask);
}

TEST(TfExample, IsRefusedWhereThereIsNone) {
  const std::string good = field(1, field(1, field(1, "name") + field(2, field(3, "\x08\x01"))));
  EXPECT_EQ(message_of(good), "no error");
  for (std::size_t size = 1; size < good.size(); ++size)
    EXPECT_THAT(message_of(good.substr(0, size)), HasSubstr("no protobuf message of that kind")) << size;
  const struct {
    const char* what;
    std::string bytes;
    const char* problem;
  } table[] = {
      {"nothing", "", "it has no features"},
      {"another message", field(2, "abc"), "it has no features"},
      {"text", "frame/id: 000001", "no protobuf message"},
      {"a length beyond the record", std::string("\x0a\xff\xff\xff\xff\x07"), "no protobuf message"},
      {"a length of 64 bits", std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
       "no protobuf message"},
      {"a field 0", std::string("\0\0", 2), "no protobuf message"},
      {"an end without a begin", good + "\x7c", "no protobuf message"},
      {"packed floats of 3 bytes", field(1, field(1, field(1, "f") + field(2, field(2, field(1, "abc"))))),
       "no protobuf message"},
      {"groups without end", std::string(100000, '\x7b'), "no protobuf message"},
      {"groups too deep", good + std::string(40, '\x7b') + std::string(40, '\x7c'), "no protobuf message"},
      {"too long", std::string(kMostExampleBytes + 1, '\0'),
       "of 268435457 bytes, expected at most 268435456"},
      {"a bomb of no fields", std::string(kMostShortBytes + 1, '\0'),
       "16777217 bytes beside its pictures, expected at most 16777216"},
      {"a bomb of empty texts", text_list(texts(8 << 20, "")), "bytes beside its pictures"},
      {"a bomb of short texts", text_list(texts(5000, std::string(kLongTextBytes - 1, 'x'))),
       "bytes beside its pictures"},
      {"a bomb behind a picture", text_list(field(1, std::string(1 << 20, 'x')) + texts(8 << 20, "")),
       "bytes beside its pictures"},
      {"a long unknown text", good + field(2, std::string(kMostShortBytes + 1, 'x')),
       "bytes beside its pictures"},
  };
  for (const auto& [what, bytes, problem] : table) EXPECT_THAT(message_of(bytes), HasSubstr(problem)) << what;
}

}  // namespace
}  // namespace etalon
