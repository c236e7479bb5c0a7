#include "etalon/onnx/layer_difference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "etalon/base/error.hpp"
#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

NodeProto node_of(const std::string& node) {
  return parse_model(R"(<ir_version: 7, opset_import: ["" : 13]> g (float[N,2] x) => (float[N,2] y) { )" +
                     node + " }")
      .graph()
      .node(0);
}

// "what: first, second" of two nodes that read tensors of one name.
std::vector<std::string> said(const std::string& first, const std::string& second) {
  std::vector<std::string> texts;
  for (const auto& one : layer_differences(node_of(first), {}, node_of(second), {}, {}))
    texts.push_back(one.what + ": " + one.first + ", " + one.second);
  return texts;
}

TEST(LayerDifferences, NamesAttributesThatAreOthers) {
  EXPECT_THAT(said("y = Conv<pads = [2,2,3,3], strides = [2,2]>(x, w)",
                   "y = Conv<pads = [3,3,3,3], strides = [2,2]>(x, w)"),
              ElementsAre("pads: [2,2,3,3], [3,3,3,3]"));
  EXPECT_THAT(said("y = LeakyRelu<alpha = 0.2>(x)", "y = LeakyRelu(x)"), ElementsAre("alpha: 0.2, 0.01"));
  EXPECT_THAT(said("y = Conv<group = 2>(x, w)", "y = Conv<pads = [1,1,1,1]>(x, w)"),
              ElementsAre("group: 2, 1", "pads: none, [1,1,1,1]"));
  EXPECT_THAT(said("y = Transpose<perm = [0,2,1]>(x)", "y = Transpose(x)"),
              ElementsAre("perm: [0,2,1], left out"));
}

TEST(LayerDifferences, TakesWhatIsLeftOutForWhatTheOperatorDoesThen) {
  EXPECT_THAT(said("y = Conv<auto_pad = \"VALID\", dilations = [1,1], group = 1, kernel_shape = [1,1], "
                   "strides = [1,1]>(x, w)",
                   "y = Conv<pads = [0,0,0,0]>(x, w)"),
              IsEmpty());
  EXPECT_THAT(
      said("y = Conv<auto_pad = \"NOTSET\", pads = [1,1,1,1]>(x, w)", "y = Conv<pads = [1,1,1,1]>(x, w)"),
      IsEmpty());
  EXPECT_THAT(said("y = Gemm<transB = 0, alpha = 1.0>(x, w)", "y = Gemm(x, w)"), IsEmpty());
  EXPECT_THAT(said("y = MaxPool<kernel_shape = [2,2]>(x)", "y = MaxPool<kernel_shape = [3,3]>(x)"),
              ElementsAre("kernel_shape: [2,2], [3,3]"));
  EXPECT_THAT(said("y = Conv<auto_pad = \"SAME_UPPER\">(x, w)", "y = Conv<pads = [1,1,1,1]>(x, w)"),
              ElementsAre("auto_pad: SAME_UPPER, NOTSET", "pads: none, [1,1,1,1]"));
}

TEST(LayerDifferences, NamesAnotherOperatorAlone) {
  EXPECT_THAT(said("y = Relu(x)", "y = Elu<alpha = 2.0>(x)"), ElementsAre("operator: Relu, Elu"));
}

TEST(LayerDifferences, NamesWhatIsReadByTheTensorsThatAreTheSame) {
  const std::map<std::string, std::string, std::less<>> tensors{{"a", "a:0"}, {"b", "b:0"}};
  const auto between = [&](const char* first, const char* second) {
    return layer_differences(node_of(first), {}, node_of(second), {}, tensors).size();
  };
  EXPECT_EQ(between("y = Sub(a, b)", "y = Sub(a, b)"), 2U);
  NodeProto second = node_of("y = Sub(x, z)");
  second.set_input(0, "a:0");
  second.set_input(1, "b:0");
  EXPECT_THAT(layer_differences(node_of("y = Sub(a, b)"), {}, second, {}, tensors), IsEmpty());
  EXPECT_EQ(layer_differences(node_of("y = Sub(b, a)"), {}, second, {}, tensors).size(), 2U);
  second.set_op_type("Add");
  EXPECT_THAT(layer_differences(node_of("y = Add(b, a)"), {}, second, {}, tensors), IsEmpty());
  second.set_input(1, "b/dequantized");
  const auto one = layer_differences(node_of("y = Add(a, b)"), {}, second, {}, tensors);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].what + " " + one[0].first + " " + one[0].second, "input 1 b b/dequantized");
}

TEST(WeightDifferences, AreTheLargestOfTheNumbersAndThatBesideTheLargest) {
  ModelProto a, b;
  add_floats(a, "w", {2, 2}, {1, -4, 2, 0});
  add_floats(b, "v", {2, 2}, {1, -4, 1.5F, 0});
  const NodeProto first = node_of("y = MatMul(x, w)"), second = node_of("y = MatMul(x, v)");
  const auto found = weight_differences(first, constants_of(a.graph()), second, constants_of(b.graph()));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].first + found[0].second, "wv");
  EXPECT_EQ(found[0].max_abs, 0.5);
  EXPECT_EQ(found[0].relative, 0.125);
  EXPECT_EQ(found[0].shapes, "");
}

TEST(WeightDifferences, AreInfiniteForOtherShapesAndNumbersThatAreNone) {
  ModelProto a, b, c, d;
  add_floats(a, "w", {2, 2}, {1, 2, 3, 4});
  add_floats(b, "w", {4}, {1, 2, 3, 4});
  add_floats(c, "w", {2, 2}, {1, 2, NAN, 4});
  add_ints(d, "w", {1, 2, 3});
  const NodeProto node = node_of("y = MatMul(x, w)");
  const auto between = [&](const ModelProto& first, const ModelProto& second) {
    return weight_differences(node, constants_of(first.graph()), node, constants_of(second.graph())).at(0);
  };
  EXPECT_EQ(between(a, b).shapes, "[2,2] and [4]");
  EXPECT_TRUE(std::isinf(between(a, c).relative));
  EXPECT_EQ(between(c, c).max_abs, 0);
  EXPECT_EQ(between(d, d).max_abs, 0);
}

TEST(WeightDifferences, RefuseDataThatDoesNotFitItsShape) {
  ModelProto a;
  add_ints(a, "w", {1, 2, 3});
  a.mutable_graph()->mutable_initializer(0)->set_dims(0, 1LL << 40);
  const NodeProto node = node_of("y = MatMul(x, w)");
  EXPECT_THROW(weight_differences(node, constants_of(a.graph()), node, constants_of(a.graph())), Error);
}

}  // namespace
}  // namespace etalon
