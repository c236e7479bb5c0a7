#include "etalon/calibration/statistics_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>

#include "etalon/base/error.hpp"
#include "etalon/runtime/small_network.hpp"

namespace etalon {
namespace {

TensorStatistics statistics_of(std::initializer_list<float> values) {
  TensorStatistics s;
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    ++s.values;
    ++s.buckets[bits >> 16];
    s.max_bits = std::max(s.max_bits, bits);
  }
  return s;
}

const RunIdentity kRun{std::string(32, 'a'), std::string(32, 'b')};

struct NamedPart {
  std::string path;
  StatisticsFile file;
};

NamedPart part(std::uint64_t index, std::uint64_t count, std::initializer_list<float> values,
               const RunIdentity& run = kRun) {
  return {std::to_string(index) + ".stats",
          statistics_file({{{"x", statistics_of(values)}, {"y", statistics_of({1})}}, values.size()}, run,
                          {index, count}, values.size(), {})};
}

TEST(StatisticsStore, ReadsBackWhatWasCounted) {
  const CountedStatistics counted{{{"a", statistics_of({0, 0, 1.5F, 1e-30F})}, {"b", {}}}, 3};
  const StatisticsFile file = parse_statistics(
      as_bytes(format_statistics(statistics_file(counted, kRun, {1, 4}, 7, {{"source", "somewhere"}}))));
  EXPECT_EQ(file.images, 7U);
  EXPECT_EQ(file.shard, 1U);
  const CountedStatistics again = counted_statistics(file);
  EXPECT_EQ(again.tensors, counted.tensors);
  EXPECT_EQ(again.images_done, 3U);
}

StatisticsFile merged(const std::vector<NamedPart>& parts) {
  PartsOfRun run(kRun.model, {"w", "x", "y", "z"});
  for (const auto& [path, file] : parts) run.add(path, file);
  return run.whole();
}

TEST(PartsOfRun, GiveTheWholeInAnyOrder) {
  const StatisticsFile whole = merged({part(0, 1, {1, 2, 3, 4, 5})});
  EXPECT_EQ(merged({part(2, 3, {5}), part(0, 3, {1, 2}), part(1, 3, {3, 4})}).tensors[0], whole.tensors[0]);
  auto first = part(0, 2, {1, 2}), second = part(1, 2, {3, 4, 5});
  first.file.facts = {{"source", "one machine"}};
  second.file.facts = {{"source", "another"}};
  const StatisticsFile forth = merged({first, second}), back = merged({second, first});
  EXPECT_EQ(forth, back);
  EXPECT_EQ(forth.facts, first.file.facts);
  EXPECT_EQ(forth.images, 5U);
  EXPECT_EQ(forth.images_done, 5U);
  EXPECT_EQ(forth.shards, 1U);
  EXPECT_EQ(merged({{"whole", forth}}), forth);
}

TEST(PartsOfRun, RefuseWhatMakesNoRun) {
  NamedPart interrupted = part(1, 2, {3, 4});
  interrupted.file.images_done = 1;
  NamedPart fewer = part(1, 2, {3});
  fewer.file.tensors.pop_back();
  NamedPart strange = part(1, 2, {3});
  strange.file.tensors[0].tensor = "another";
  NamedPart infinite = part(1, 2, {3});
  infinite.file.tensors[0].infinities = 1;
  const struct {
    std::vector<NamedPart> parts;
    const char* says;
  } cases[] = {
      {{part(0, 3, {1}), part(2, 3, {1})}, "1 of 3 parts is missing: 1"},
      {{part(1, 4, {1})}, "3 of 4 parts are missing: 0, 2, 3"},
      {{part(0, 2, {1}), part(0, 2, {1}), part(1, 2, {1})}, "'0.stats' is part 0/2 again"},
      {{part(0, 2, {1}), part(2, 7, {1})}, "'2.stats' is part 2 of 7, but '0.stats' is one of 2"},
      {{part(0, 2, {1}), part(1, 2, {1}, {std::string(32, 'c'), kRun.model})},
       "'1.stats' is of another run than '0.stats'"},
      {{part(0, 2, {1}), part(1, 2, {1}, {kRun.run, std::string(32, 'c')})},
       "'1.stats' was counted on another network"},
      {{part(0, 2, {1}), interrupted}, "'1.stats' is of a run that was interrupted after 1 of 2 images"},
      {{part(0, 2, {1}), fewer}, "'1.stats' has other tensors than '0.stats'"},
      {{part(0, 2, {1}), strange},
       "'1.stats' has statistics of 'another', which is no tensor of the network"},
      {{part(0, 2, {1}), infinite}, "'1.stats' has NaN or infinite values of 'x'"},
      {{part(0, 1000000, {1})}, "'0.stats' is one of 1000000 parts, expected at most 10000"},
  };
  for (const auto& [parts, says] : cases) {
    try {
      merged(parts);
      ADD_FAILURE() << "taken: " << says;
    } catch (const Error& error) {
      EXPECT_THAT(error.problem(), testing::HasSubstr(says));
      EXPECT_EQ(error.kind(), Kind::kBadInput);
    }
  }
}

TEST(StatisticsStore, KnowsARunAgain) {
  const StatisticsFile file = part(1, 3, {1, 2}).file;
  const std::vector<std::string> tensors{"x", "y"};
  check_is_of_run(file, kRun, {1, 3}, 2, tensors);
  EXPECT_THROW(check_is_of_run(file, {kRun.run, std::string(32, 'c')}, {1, 3}, 2, tensors), Error);
  EXPECT_THROW(check_is_of_run(file, {std::string(32, 'c'), kRun.model}, {1, 3}, 2, tensors), Error);
  EXPECT_THROW(check_is_of_run(file, kRun, {2, 3}, 2, tensors), Error);
  EXPECT_THROW(check_is_of_run(file, kRun, {1, 3}, 3, tensors), Error);
  EXPECT_THROW(check_is_of_run(file, kRun, {1, 3}, 2, {"x"}), Error);
  EXPECT_THROW(check_is_of_run(file, kRun, {1, 3}, 2, {"x", "y", "z"}), Error);
}

TEST(NetworkIdentity, IsOfWhatIsComputedAndNotOfTheBatchOrMetadata) {
  const std::string known = network_identity(small_network());
  ModelProto same = small_network();
  same.add_metadata_props()->set_key("k");
  same.set_producer_name("somebody");
  same.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_value(4);
  EXPECT_EQ(network_identity(same), known);
  ModelProto weight = small_network();
  weight.mutable_graph()->mutable_initializer(0)->set_float_data(0, 7);
  EXPECT_NE(network_identity(weight), known);
  ModelProto renamed = small_network();
  renamed.mutable_graph()->mutable_node(1)->set_name("another");
  EXPECT_NE(network_identity(renamed), known);
  ModelProto larger = small_network();
  larger.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(2)
      ->set_dim_value(40);
  EXPECT_NE(network_identity(larger), known);
  ModelProto other_function = small_network();
  other_function.add_functions()->set_name("f");
  EXPECT_NE(network_identity(other_function), known);
  ModelProto other_type = small_network();
  other_type.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
      TensorProto::FLOAT16);
  EXPECT_NE(network_identity(other_type), known);
}

TEST(RunIdentity, ChangesWithImagesAndPrecision) {
  CalibrationImages images;
  images.identity = [] { return std::string("i"); };
  images.names = {"one", "two"};
  const ModelProto model = small_network();
  const RunIdentity known = run_identity(model, images, {});
  EXPECT_EQ(run_identity(model, images, {.threads = 7}).run, known.run) << "threads change nothing";
  EXPECT_NE(run_identity(model, images, {.precision = RunPrecision::kBf16}).run, known.run);
  images.identity = [] { return std::string("j"); };
  EXPECT_NE(run_identity(model, images, {}).run, known.run);
}

}  // namespace
}  // namespace etalon
