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
  graph.binary("Greater", "greater", "reshaped", "low");
  graph.cast_to_float("cast", "greater");
  graph.unary("Sigmoid", "y", "cast");
  graph.output("y", {std::nullopt, 15});
  auto model = std::move(graph).model();
  check_onnx(model);
  infer_shapes(model);  // strict: it would refuse a wrong [N, 15]
  for (const auto& node : model.graph().node()) EXPECT_EQ(node.name(), node.output(0));
  EXPECT_EQ(model.graph().input(0).type().tensor_type().shape().dim(0).dim_param(), "N");
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

}  // namespace
}  // namespace etalon
