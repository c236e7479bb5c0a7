#include "etalon/onnx/graph_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

TEST(GraphBuilder, BuildsAModelThatTheCheckerAndTheInferenceTake) {
  GraphBuilder graph("every operator");
  using Dims = std::vector<std::int64_t>;
  graph.input("x", {std::nullopt, 2, 4, 4});
  graph.floats("w", Dims{4, 2, 3, 3}, std::vector<float>(72, 0.5F));
  graph.floats("b", Dims{4}, std::vector<float>(4, 0.0F));
  graph.conv("conv", "x", "w", "b",
             {.kernel = {3, 3}, .strides = {1, 1}, .dilations = {1, 1}, .pads = {1, 1, 1, 1}, .group = 1});
  graph.batch_normalization("bn", "conv", "b", "b", "b", "b", 1e-3F);
  graph.relu("relu", "bn");
  graph.leaky_relu("leaky", "relu", 0.1F);
  graph.elu("elu", "leaky", 1.0F);
  graph.hard_sigmoid("hard", "elu", 0.2F, 0.5F);
  graph.softmax("softmax", "hard", 1);
  graph.floats("low", Dims{}, std::vector<float>{0});
  graph.clip("clip", "softmax", "low", "");
  graph.floats("slope", Dims{4, 1, 1}, std::vector<float>(4, 0.1F));
  graph.prelu("prelu", "clip", "slope");
  graph.max_pool("max", "prelu", {.kernel = {3, 3}, .strides = {1, 1}, .pads = {1, 1, 1, 1}});
  graph.average_pool("average", "max", {.kernel = {3, 3}, .strides = {1, 1}, .pads = {1, 1, 1, 1}});
  graph.pad("pad", "average", {0, 0, 1, 1});
  graph.upsample("up", "pad", {2, 2}, false);
  graph.floats("wt", Dims{4, 3, 2, 2}, std::vector<float>(48, 0.5F));
  graph.conv_transpose("transposed", "up", "wt", "",
                       {.kernel = {2, 2}, .strides = {2, 2}, .dilations = {1, 1}, .pads = {}, .group = 1},
                       {1, 1});
  graph.global_average_pool("mean", "transposed");
  graph.global_max_pool("max_all", "transposed");
  graph.concat("concat", std::vector<std::string>{"mean", "max_all"}, 1);
  graph.flatten("flat", "concat");
  graph.floats("fc", Dims{5, 6}, std::vector<float>(30, 1.0F));
  graph.gemm("gemm", "flat", "fc", "");
  graph.unsqueeze("unsqueezed", "gemm", 1);
  graph.tile("tiled", "unsqueezed", Dims{1, 3, 1});
  graph.transpose("turned", "tiled", Dims{0, 2, 1});
  graph.reshape("reshaped", "turned", Dims{0, -1});
  graph.slice("sliced", "reshaped", 1, 2, 14);
  graph.binary("Greater", "greater", "sliced", "low");
  graph.cast_to_float("cast", "greater");
  graph.unary("Sigmoid", "y", "cast");
  graph.output("y", {std::nullopt, 12});
  auto model = std::move(graph).model();
  check_onnx(model);
  infer_shapes(model);  // strict: it would refuse a wrong [N, 12]
  for (const auto& node : model.graph().node()) EXPECT_EQ(node.name(), node.output(0));
  EXPECT_EQ(model.graph().input(0).type().tensor_type().shape().dim(0).dim_param(), "N");
}

// The numbers are checked by tests/mask_rcnn_stages.py, which runs graphs of these operators.
TEST(GraphBuilder, BuildsSelectionsThatTheCheckerAndTheInferenceTake) {
  GraphBuilder graph("selections");
  using Dims = std::vector<std::int64_t>;
  graph.input("boxes", {std::nullopt, 6, 4});
  graph.input("scores", {std::nullopt, 2, 6});
  graph.non_max_suppression("kept", "boxes", "scores", {.most_per_class = 3, .iou = 0.5F, .score = 0.1F});
  graph.ints("columns", Dims{0, 1, 2});
  graph.gather("places", "kept", "columns", 1);
  graph.gather_nd("kept_scores", "scores", "places");
  graph.zeros_like("zeros", "scores");
  graph.scatter_nd("only_kept", "zeros", "places", "kept_scores");
  graph.reduce_max("best", "only_kept", 1);
  graph.reduce_min("worst", "only_kept", 1);
  graph.reduce_sum("sum", "only_kept", 1);
  graph.scalar("half", 0.5F);
  graph.cast_to_bool("any", "sum");
  graph.where("chosen", "any", "best", "half");
  graph.reshape("flat", "chosen", Dims{0, 6});
  graph.pad_after("padded", "flat", 2, 1, 2);
  graph.top_k("values", "order", "padded", 3);
  graph.arg_max("class", "scores", 1);
  graph.cast_to_int64("whole", "flat");
  graph.binary("Add", "indices", "class", "whole");
  graph.numbers_along("image", "boxes", 0);
  graph.unsqueeze("image_column", "image", 1);
  graph.binary("Add", "all_indices", "indices", "image_column");
  graph.cast_to_float("floats", "all_indices");
  graph.slice("first", "floats", 1, 0, 3);
  graph.countdown("three_two_one", 3);
  graph.cumulative_sum("running", "first", 1);
  graph.mul("weighted", "running", "three_two_one");
  graph.add("sum_of_all", "weighted", "values");
  graph.unsqueeze("order_column", "order", 2);
  graph.pad_after("padded_boxes", "boxes", 3, 1, 2);
  graph.gather_nd("best_boxes", "padded_boxes", "order_column", 1);
  graph.output("sum_of_all", {std::nullopt, 3});
  graph.output("best_boxes", {std::nullopt, 3, 4});
  auto model = std::move(graph).model();
  check_onnx(model);
  infer_shapes(model);  // strict: it would refuse a wrong [N, 3, 4]
  for (const auto& node : model.graph().node()) EXPECT_EQ(node.name(), node.output(0));
}

TEST(GraphBuilder, RefusesAnAxisThatIsNotThere) {
  GraphBuilder graph("g");
  graph.input("x", {2, 3});
  EXPECT_THROW(graph.pad_after("y", "x", 2, 2, 1), Error);
}

TEST(GraphBuilder, RefusesANameThatIsThere) {
  GraphBuilder graph("g");
  graph.input("x", {1});
  EXPECT_THROW(graph.relu("x", "x"), Error);
  EXPECT_THROW(graph.input("", {1}), Error);
}

TEST(GraphBuilder, DoesNotWriteInputsThatAreLeftOutAtTheEnd) {
  GraphBuilder graph("g");
  graph.input("x", {1});
  graph.floats("high", std::span<const std::int64_t>(), std::array{1.0F});
  graph.clip("a", "x", "", "high");
  graph.clip("b", "a", "", "");
  graph.output("b", {1});
  const auto model = std::move(graph).model();
  EXPECT_THAT(model.graph().node(0).input(), testing::ElementsAre("x", "", "high"));
  EXPECT_THAT(model.graph().node(1).input(), testing::ElementsAre("a"));
}

TEST(GraphBuilder, WritesAPluginAsTensorRTsParserLooksForIt) {
  GraphBuilder graph("g");
  graph.input("x", {1, 4});
  const std::vector<NodeAttribute> attributes{{"count", std::int64_t{7}},
                                              {"threshold", 0.0F},
                                              {"sizes", std::vector<std::int64_t>{3, 4}},
                                              {"mode", std::string("fast")}};
  graph.plugin("Sieve_TRT", "y", std::array<std::string, 2>{"x", "x"}, attributes);
  graph.note_shape("y", {1, 2});
  graph.relu("z", "y");
  graph.output("z", {1, 2});
  auto model = std::move(graph).model();
  check_onnx(model);
  infer_shapes(model);
  const auto& node = model.graph().node(0);
  EXPECT_TRUE(is_plugin_node(node));
  EXPECT_EQ(node.op_type(), "Sieve_TRT");
  EXPECT_EQ(node.name(), "y");
  EXPECT_EQ(node.domain(), "");
  EXPECT_THAT(node.input(), testing::ElementsAre("x", "x"));
  std::vector<std::pair<std::string, int>> types;
  for (const auto& attribute : node.attribute()) types.emplace_back(attribute.name(), attribute.type());
  EXPECT_THAT(types, testing::ElementsAre(testing::Pair("count", AttributeProto::INT),
                                          testing::Pair("threshold", AttributeProto::FLOAT),
                                          testing::Pair("sizes", AttributeProto::INTS),
                                          testing::Pair("mode", AttributeProto::STRING),
                                          testing::Pair("plugin_version", AttributeProto::STRING),
                                          testing::Pair("plugin_namespace", AttributeProto::STRING)));
  EXPECT_EQ(node.attribute(4).s(), "1");
  EXPECT_EQ(node.attribute(5).s(), "");
}

}  // namespace
}  // namespace etalon
