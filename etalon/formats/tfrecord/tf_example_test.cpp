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

std::string field(int number, const std::string& payload) {  // shorter than 128 bytes
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(payload.size())} + payload;
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
      {"a bomb", std::string(kMostExampleBytes + 1, '\0'), "of 16777217 bytes, expected at most 16777216"},
  };
  for (const auto& [what, bytes, problem] : table) EXPECT_THAT(message_of(bytes), HasSubstr(problem)) << what;
}

}  // namespace
}  // namespace etalon
