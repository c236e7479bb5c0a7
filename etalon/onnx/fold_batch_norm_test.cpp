#include "etalon/onnx/fold_batch_norm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "etalon/base/error.hpp"
#include "etalon/onnx/compare.hpp"
#include "etalon/onnx/graph_index.hpp"
#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

constexpr const char* kHeader = R"(<ir_version: 7, opset_import: ["" : 13]> )";

ModelProto model_from(const std::string& graph) { return parse_model(kHeader + graph); }

// Two channels: factors 2 / sqrt(3.75 + 0.25) = 1 and 3 / sqrt(0.75 + 0.25) = 3.
void add_batch_norm_parameters(ModelProto& model) {
  add_floats(model, "scale", {2}, {2, 3});
  add_floats(model, "shift", {2}, {10, 20});
  add_floats(model, "mean", {2}, {1, 2});
  add_floats(model, "var", {2}, {3.75F, 0.75F});
}

std::string after_folding(ModelProto model, const ModelProto& expected) {
  check_onnx(model);
  fold_batch_norm(model);
  check_onnx(model);
  return graph_difference(model.graph(), expected.graph());
}

TEST(FoldBatchNorm, MergesIntoTheConvolutionBeforeIt) {
  auto model = model_from(R"(g (float[N,1,2,2] x) => (float[N,2,2,2] z) {
    c = Conv(x, w, b)
    y = BatchNormalization<epsilon = 0.25>(c, scale, shift, mean, var)
    z = Relu(y) })");
  add_floats(model, "w", {2, 1, 1, 1}, {5, 7});
  add_floats(model, "b", {2}, {0.5F, 0.25F});
  add_batch_norm_parameters(model);
  auto expected =
      model_from(R"(g (float[N,1,2,2] x) => (float[N,2,2,2] z) { y = Conv(x, w, b) z = Relu(y) })");
  add_floats(expected, "w/folded", {2, 1, 1, 1}, {5 * 1, 7 * 3});
  add_floats(expected, "b/folded", {2}, {(0.5F - 1) * 1 + 10, (0.25F - 2) * 3 + 20});
  auto& conv = *expected.mutable_graph()->mutable_node(0);
  conv.set_input(1, "w/folded");  // the text form has no slashes
  conv.set_input(2, "b/folded");
  EXPECT_EQ(after_folding(model, expected), "");
}

TEST(FoldBatchNorm, GivesAConvolutionWithoutBiasOneNamedAfterTheBatchNorm) {
  auto model = model_from(R"(g (float[N,1,2,2] x) => (float[N,2,2,2] y) {
    c = Conv(x, w)
    y = BatchNormalization<epsilon = 0.25>(c, scale, shift, mean, var) })");
  add_floats(model, "w", {2, 1, 1, 1}, {5, 7});
  add_batch_norm_parameters(model);
  fold_batch_norm(model);
  ASSERT_EQ(model.graph().node_size(), 1);
  EXPECT_THAT(model.graph().node(0).input(), testing::ElementsAre("x", "w/folded", "y/bias"));
  EXPECT_EQ(model.graph().node(0).name(), "y");
  EXPECT_THAT(float_values(model.graph().initializer(1)), testing::ElementsAre(9, 14));
}

TEST(FoldBatchNorm, ScalesTheOutputChannelsOfATransposedConvolution) {
  // weight [in 1, out 2, 1, 2]
  auto model = model_from(R"(g (float[N,1,2,2] x) => (float[N,2,2,3] y) {
    c = ConvTranspose(x, w)
    y = BatchNormalization<epsilon = 0.25>(c, scale, shift, mean, var) })");
  add_floats(model, "w", {1, 2, 1, 2}, {1, 2, 3, 4});
  add_batch_norm_parameters(model);
  fold_batch_norm(model);
  EXPECT_EQ(model.graph().node_size(), 1);
  EXPECT_THAT(float_values(model.graph().initializer(0)), testing::ElementsAre(1, 2, 9, 12));
}

TEST(FoldBatchNorm, ScalesGroupsOfATransposedConvolutionOneByOne) {
  // weight [in 2, out/group 1, 1, 1] with two groups: output channel = group
  auto model = model_from(R"(g (float[N,2,2,2] x) => (float[N,2,2,2] y) {
    c = ConvTranspose<group = 2>(x, w)
    y = BatchNormalization<epsilon = 0.25>(c, scale, shift, mean, var) })");
  add_floats(model, "w", {2, 1, 1, 1}, {1, 2});
  add_batch_norm_parameters(model);
  fold_batch_norm(model);
  EXPECT_EQ(model.graph().node_size(), 1);
  EXPECT_THAT(float_values(model.graph().initializer(0)), testing::ElementsAre(1, 6));
}

TEST(FoldBatchNorm, ScalesColumnsOrRowsOfAGemm) {
  for (const bool transposed : {false, true}) {
    auto model = model_from(
        std::string("g (float[N,3] x) => (float[N,2] y) { c = Gemm<transB = ") + (transposed ? "1" : "0") +
        R"(>(x, w, b) y = BatchNormalization<epsilon = 0.25>(c, scale, shift, mean, var) })");
    if (transposed)
      add_floats(model, "w", {2, 3}, {1, 2, 3, 4, 5, 6});
    else
      add_floats(model, "w", {3, 2}, {1, 2, 3, 4, 5, 6});
    add_floats(model, "b", {2}, {0, 0});
    add_batch_norm_parameters(model);
    fold_batch_norm(model);
    ASSERT_EQ(model.graph().node_size(), 1);
    const auto values = float_values(model.graph().initializer(0));
    if (transposed)
      EXPECT_THAT(values, testing::ElementsAre(1, 2, 3, 12, 15, 18));
    else
      EXPECT_THAT(values, testing::ElementsAre(1, 6, 3, 12, 5, 18));
  }
}

TEST(FoldBatchNorm, RoundsOnce) {
  // In float32 the reciprocal of the root would be rounded before it meets the weight; the numbers were found
  // with Python's decimal module: 0.7 * 1.3 / sqrt(0.31 + 0.001) of the float32 values, rounded to float32.
  auto model = model_from(R"(g (float[N,1,2,2] x) => (float[N,1,2,2] y) {
    c = Conv(x, w)
    y = BatchNormalization<epsilon = 0.001>(c, scale, shift, mean, var) })");
  add_floats(model, "w", {1, 1, 1, 1}, {0.7F});
  add_floats(model, "scale", {1}, {1.3F});
  add_floats(model, "shift", {1}, {0.1F});
  add_floats(model, "mean", {1}, {0.2F});
  add_floats(model, "var", {1}, {0.31F});
  fold_batch_norm(model);
  EXPECT_EQ(float_values(model.graph().initializer(0))[0], 1.63177836F);
  EXPECT_EQ(float_values(model.graph().initializer(1))[0], -0.366222411F);
}

TEST(FoldBatchNorm, BecomesMulAndAddWhenTheConvolutionHasASecondUser) {
  auto model = model_from(R"(g (float[N,1,2,2] x) => (float[N,2,2,2] z) {
    c = Conv(x, w)
    y = BatchNormalization<epsilon = 0.25>(c, scale, shift, mean, var)
    z = Add(y, c) })");
  add_floats(model, "w", {2, 1, 1, 1}, {5, 7});
  add_batch_norm_parameters(model);
  infer_shapes(model);
  auto expected = model_from(
      R"(g (float[N,1,2,2] x) => (float[N,2,2,2] z) { c = Conv(x, w) m = Mul(c, f) y = Add(m, o) z = Add(y, c) })");
  add_floats(expected, "w", {2, 1, 1, 1}, {5, 7});
  add_floats(expected, "y/batchnorm/mul", {1, 2, 1, 1}, {1, 3});
  add_floats(expected, "y/batchnorm/sub", {1, 2, 1, 1}, {10 - 1, 20 - 2 * 3});
  auto& graph = *expected.mutable_graph();
  graph.mutable_node(1)->set_input(1, "y/batchnorm/mul");
  graph.mutable_node(1)->set_output(0, "y/batchnorm/mul_1");
  graph.mutable_node(2)->set_input(0, "y/batchnorm/mul_1");
  graph.mutable_node(2)->set_input(1, "y/batchnorm/sub");
  EXPECT_EQ(after_folding(model, expected), "");
}

TEST(FoldBatchNorm, KeepsTensorFlowsNamesWhenItIsSplit) {
  auto model = model_from(R"(g (float[N,2,2,2] x) => (float[N,2,2,2] z) {
    y = BatchNormalization<epsilon = 0.25>(x, scale, shift, mean, var)
    z = Relu(y) })");
  add_batch_norm_parameters(model);
  model.mutable_graph()->mutable_node(0)->set_output(0, "bn/batchnorm/add_1");
  model.mutable_graph()->mutable_node(1)->set_input(0, "bn/batchnorm/add_1");
  fold_batch_norm(model);
  ASSERT_EQ(model.graph().node_size(), 3);
  EXPECT_EQ(model.graph().node(0).output(0), "bn/batchnorm/mul_1");
  EXPECT_EQ(model.graph().node(0).op_type(), "Mul");
  EXPECT_EQ(model.graph().node(1).output(0), "bn/batchnorm/add_1");
}

TEST(FoldBatchNorm, MustNotChangeAConvolutionThatIsAnOutput) {
  auto model = model_from(R"(g (float[N,1,2,2] x) => (float[N,2,2,2] c, float[N,2,2,2] y) {
    c = Conv(x, w)
    y = BatchNormalization<epsilon = 0.25>(c, scale, shift, mean, var) })");
  add_floats(model, "w", {2, 1, 1, 1}, {5, 7});
  add_batch_norm_parameters(model);
  fold_batch_norm(model);
  EXPECT_EQ(model.graph().node_size(), 3);
  EXPECT_EQ(model.graph().node(0).output(0), "c");
  EXPECT_EQ(model.graph().initializer(0).name(), "w");
}

TEST(FoldBatchNorm, MustNotTouchAWeightThatAnotherConvolutionUses) {
  auto model = model_from(R"(g (float[N,1,2,2] x) => (float[N,2,2,2] y, float[N,2,2,2] d) {
    c = Conv(x, w)
    d = Conv(x, w)
    y = BatchNormalization<epsilon = 0.25>(c, scale, shift, mean, var) })");
  add_floats(model, "w", {2, 1, 1, 1}, {5, 7});
  add_batch_norm_parameters(model);
  fold_batch_norm(model);
  const GraphIndex index(model.graph());
  EXPECT_THAT(model.graph().node(0).input(), testing::ElementsAre("x", "y/kernel", "y/bias"));
  EXPECT_THAT(model.graph().node(1).input(), testing::ElementsAre("x", "w"));
  EXPECT_THAT(float_values(model.graph().initializer(*index.initializer("w"))), testing::ElementsAre(5, 7));
  EXPECT_THAT(float_values(model.graph().initializer(*index.initializer("y/kernel"))),
              testing::ElementsAre(5, 21));
}

TEST(FoldBatchNorm, MustNotFoldAWeightThatTheUserMayReplace) {
  auto model = model_from(R"(g (float[N,1,2,2] x, float[2,1,1,1] w) => (float[N,2,2,2] y) {
    c = Conv(x, w)
    y = BatchNormalization<epsilon = 0.25>(c, scale, shift, mean, var) })");
  add_floats(model, "w", {2, 1, 1, 1}, {5, 7});
  add_batch_norm_parameters(model);
  infer_shapes(model);
  fold_batch_norm(model);
  EXPECT_EQ(model.graph().node_size(), 3);  // Conv, Mul, Add
}

TEST(FoldBatchNorm, MustNotTouchOneThatTrainsOrWhoseRankIsUnknown) {
  auto model = model_from(R"(g (float[N,2,2,2] x) => (float[N,2,2,2] y) {
    h = Relu(x)
    y = BatchNormalization<epsilon = 0.25>(h, scale, shift, mean, var) })");
  add_batch_norm_parameters(model);
  const auto before = model;
  fold_batch_norm(model);
  EXPECT_EQ(graph_difference(model.graph(), before.graph()), "");
}

TEST(FoldBatchNorm, NamesBothWhenTheirChannelsDiffer) {
  auto model = model_from(R"(g (float[N,1,2,2] x) => (float[N,3,2,2] y) {
    c = Conv(x, w)
    y = BatchNormalization(c, scale, shift, mean, var) })");
  add_floats(model, "w", {3, 1, 1, 1}, {1, 2, 3});
  add_batch_norm_parameters(model);
  model.mutable_graph()->mutable_node(0)->set_name("conv1");
  model.mutable_graph()->mutable_node(1)->set_name("bn_conv1");
  try {
    fold_batch_norm(model);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.line(),
                testing::HasSubstr(
                    "has 2 scales, 'conv1' before it has 3 output channels, in batch norm 'bn_conv1'"));
  }
}

TEST(FoldBatchNorm, RefusesANegativeVarianceAndInfiniteWeights) {
  for (const float variance : {-1.0F, 1e-30F}) {
    auto model = model_from(R"(g (float[N,1,2,2] x) => (float[N,1,2,2] y) {
      c = Conv(x, w)
      y = BatchNormalization<epsilon = 0.0>(c, scale, shift, mean, var) })");
    add_floats(model, "w", {1, 1, 1, 1}, {1e30F});
    add_floats(model, "scale", {1}, {1});
    add_floats(model, "shift", {1}, {0});
    add_floats(model, "mean", {1}, {0});
    add_floats(model, "var", {1}, {variance});
    EXPECT_THROW(fold_batch_norm(model), Error);
  }
}

}  // namespace
}  // namespace etalon
