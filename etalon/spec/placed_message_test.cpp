#include "etalon/spec/placed_message.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "etalon/spec/detectnet_v2_spec.hpp"

namespace etalon {
namespace {

std::string place(const Finding& finding) {
  return fmt::format("{}:{} {}", finding.line, finding.column, finding.field);
}

std::string place(const PlacedMessage& at, std::string_view field) {
  return place(at.finding(Finding::Severity::kNote, field, "x"));
}

TEST(PlacedMessage, KnowsThePlaceOfAValueAndOfWhatIsMissing) {
  const auto spec = parse_detectnet_v2_spec(
      "random_seed: 1 random_seed:\n  2\n"
      "model_config {\n\tarch: 'a' num_layers:-3 }\n"
      "model_config: < objective_set { } num_layers: 4 >\n");
  const PlacedMessage root(spec.experiment, spec.outline);
  EXPECT_EQ(place(root, "random_seed"), "2:3 random_seed");  // the one that counts
  EXPECT_EQ(place(root, "training_config"), "0:0 training_config");
  const PlacedMessage model = root.child("model_config");
  EXPECT_EQ(place(model, ""), "3:1 model_config");
  EXPECT_EQ(place(model, "arch"), "4:15 model_config.arch");
  EXPECT_EQ(place(model, "num_layers"), "5:47 model_config.num_layers");
  EXPECT_EQ(place(model, "dropout_rate"), "3:1 model_config.dropout_rate");
  EXPECT_EQ(place(model.child("objective_set").child("bbox"), "scale"),
            "5:17 model_config.objective_set.bbox.scale");
  EXPECT_TRUE(model.given("arch"));
  EXPECT_FALSE(model.given("dropout_rate"));
  EXPECT_FALSE(root.has("training_config"));
}

TEST(PlacedMessage, FindsElementsOfListsInEveryWayOfWriting) {
  const auto spec = parse_detectnet_v2_spec(
      "cost_function_config { target_classes [{ name: 'a' },\n  < name: 'b' >] target_classes: { name: 'c' } "
      "}\n"
      "cost_function_config { target_classes { name: 'd' 'e'; class_weight: 1, } }");
  const auto classes =
      PlacedMessage(spec.experiment, spec.outline).child("cost_function_config").elements("target_classes");
  // `target_classes [` without a colon is a list of blocks, too.
  ASSERT_EQ(classes.size(), 4U);
  EXPECT_EQ(place(classes[0], "name"), "1:48 cost_function_config.target_classes[0].name");
  EXPECT_EQ(place(classes[1], "class_weight"), "2:3 cost_function_config.target_classes[1].class_weight");
  EXPECT_EQ(place(classes[2], "name"), "2:42 cost_function_config.target_classes[2].name");
  EXPECT_EQ(place(classes[3], "name"), "3:47 cost_function_config.target_classes[3].name");
  EXPECT_EQ(place(classes[3], "class_weight"), "3:70 cost_function_config.target_classes[3].class_weight");
}

TEST(PlacedMessage, FindsEntriesOfMapsByTheirKey) {
  const auto spec = parse_detectnet_v2_spec(
      "dataset_config {\n"
      "target_class_mapping { key: 'b' value: 'x' }\n"
      "target_class_mapping { value: 'y' key: 'a' \"a\" }\n"
      "target_class_mapping { key: 'b' value: 'z' }\n"
      "target_class_mapping { value: 'w' } }\n"
      "postprocessing_config { target_class_config { key: '\\x63ar' value { clustering_config { dbscan_eps: "
      "3 } } } }");
  // Reading a map by its key must not cost the places.
  EXPECT_EQ(spec.experiment.dataset_config().target_class_mapping().at("b"), "z");
  const PlacedMessage root(spec.experiment, spec.outline);
  const auto entries = root.child("dataset_config").entries("target_class_mapping");
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].first, "");
  EXPECT_EQ(place(entries[0].second, "value"), "5:31 dataset_config.target_class_mapping['']");
  EXPECT_EQ(entries[1].first, "aa");
  EXPECT_EQ(place(entries[1].second, "key"), "3:40 dataset_config.target_class_mapping['aa']");
  EXPECT_EQ(place(entries[2].second, "value"), "4:40 dataset_config.target_class_mapping['b']");
  const auto classes = root.child("postprocessing_config").entries("target_class_config");
  ASSERT_EQ(classes.size(), 1U);
  EXPECT_EQ(place(classes[0].second.child("value").child("clustering_config"), "dbscan_eps"),
            "6:101 postprocessing_config.target_class_config['car'].clustering_config.dbscan_eps");
}

}  // namespace
}  // namespace etalon
