#include "etalon/quantization/explicit_int8.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>

#include "etalon/base/error.hpp"
#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using Placement = ExplicitInt8Request::Placement;

// A model of opset 13 with the graph that `text` has behind its name: "(inputs) => (outputs) { nodes }".
ModelProto graph_of(const std::string& text) {
  return parse_model(R"(<ir_version: 7, opset_import: ["" : 13]> g )" + text);
}

// Weights that are not the same in any two channels: 0.5, -0.5, 1, -1 ...
void add_weight(ModelProto& model, const std::string& name, std::vector<std::int64_t> dims) {
  auto& tensor = *model.mutable_graph()->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(TensorProto::FLOAT);
  std::int64_t count = 1;
  for (const auto dim : dims) {
    tensor.add_dims(dim);
    count *= dim;
  }
  for (std::int64_t i = 0; i < count; ++i)
    tensor.add_float_data(static_cast<float>(i / 2 + 1) * (i % 2 == 0 ? 0.5F : -0.5F));
}

std::vector<std::string> node_lines(const ModelProto& model) {
  std::vector<std::string> lines;
  for (const auto& node : model.graph().node()) {
    std::string line = node.output(0) + " = " + node.op_type();
    for (const auto& input : node.input()) line += " " + input;
    lines.push_back(line);
  }
  return lines;
}

const TensorProto& initializer(const ModelProto& model, const std::string& name) {
  for (const auto& tensor : model.graph().initializer())
    if (tensor.name() == name) return tensor;
  throw std::out_of_range("no initializer " + name);
}
std::vector<std::string> initializers(const ModelProto& model) {
  std::vector<std::string> names;
  for (const auto& tensor : model.graph().initializer()) names.push_back(tensor.name());
  return names;
}
std::vector<int> integers(const ModelProto& model, const std::string& name) {
  const TensorProto& tensor = initializer(model, name);
  EXPECT_EQ(tensor.data_type(), TensorProto::INT8);
  std::vector<int> values;
  for (const char c : tensor.raw_data()) values.push_back(static_cast<signed char>(c));
  return values;
}
std::int64_t axis_of(const ModelProto& model, const std::string& output) {
  for (const auto& node : model.graph().node())
    if (node.output(0) == output)
      for (const auto& attribute : node.attribute())
        if (attribute.name() == "axis") return attribute.i();
  return -1;
}

// With a scale of 0.1 for every tensor named.
ExplicitInt8 quantized(const ModelProto& model, std::initializer_list<const char*> with_scale) {
  ExplicitInt8Request request;
  for (const char* name : with_scale) request.scales[name] = 0.1F;
  ExplicitInt8 made = make_explicit_int8(model, request);
  EXPECT_NO_THROW(check_onnx(made.model));
  return made;
}

ModelProto chain() {
  auto model =
      graph_of("(float[1,1,2,2] x) => (float[1,2,2,2] y) { a = Conv(x, w, b) r = Relu(a) y = Conv(r, v) }");
  add_weight(model, "w", {2, 1, 1, 1});
  add_weight(model, "b", {2});
  add_weight(model, "v", {2, 2, 1, 1});
  return model;
}

TEST(ExplicitInt8, PutsQdqInFrontOfLayersAndNowhereElse) {
  const auto made = quantized(chain(), {"x", "a", "r", "y"});
  EXPECT_THAT(node_lines(made.model),
              ElementsAre("x/quantized = QuantizeLinear x x/scale int8/zero_point",
                          "x/dequantized = DequantizeLinear x/quantized x/scale int8/zero_point",
                          "w/dequantized = DequantizeLinear w/int8 w/scale int8/zero_points_2",
                          "a = Conv x/dequantized w/dequantized b", "r = Relu a",
                          "r/quantized = QuantizeLinear r r/scale int8/zero_point",
                          "r/dequantized = DequantizeLinear r/quantized r/scale int8/zero_point",
                          "v/dequantized = DequantizeLinear v/int8 v/scale int8/zero_points_2",
                          "y = Conv r/dequantized v/dequantized"));
  EXPECT_THAT(made.quantized, ElementsAre("a", "y"));
  EXPECT_THAT(made.left, IsEmpty());
  EXPECT_THAT(initializers(made.model), Not(Contains("w")));
  EXPECT_EQ(initializer(made.model, "b").data_type(), TensorProto::FLOAT);
  EXPECT_EQ(float_values(initializer(made.model, "x/scale")), std::vector<float>{0.1F});
  EXPECT_EQ(initializer(made.model, "x/scale").dims_size(), 0);
  EXPECT_THAT(integers(made.model, "int8/zero_point"), ElementsAre(0));
  EXPECT_EQ(axis_of(made.model, "v/dequantized"), 0);
  // v = 0.5 -0.5 | 1 -1
  EXPECT_THAT(integers(made.model, "v/int8"), ElementsAre(127, -127, 127, -127));
  EXPECT_EQ(float_values(initializer(made.model, "v/scale")), (std::vector<float>{0.5F / 127, 1.0F / 127}));
}

TEST(ExplicitInt8, HasAStepForEachOutputChannelOfADepthwiseConvolution) {
  auto model = graph_of("(float[1,3,2,2] x) => (float[1,3,2,2] y) { y = Conv<group = 3>(x, w) }");
  add_weight(model, "w", {3, 1, 1, 1});
  const auto made = quantized(model, {"x"});
  EXPECT_EQ(axis_of(made.model, "w/dequantized"), 0);
  EXPECT_EQ(float_values(initializer(made.model, "w/scale")).size(), 3U);
  EXPECT_THAT(integers(made.model, "w/int8"), ElementsAre(127, -127, 127));
}

TEST(ExplicitInt8, TakesTheSecondAxisOfATransposedConvolution) {
  auto model = graph_of("(float[1,2,2,2] x) => (float[1,3,2,2] y) { y = ConvTranspose(x, w) }");
  add_weight(model, "w", {2, 3, 1, 1});  // 0.5 -0.5 1 | -1 1.5 -1.5
  const auto made = quantized(model, {"x"});
  EXPECT_EQ(axis_of(made.model, "w/dequantized"), 1);
  EXPECT_EQ(float_values(initializer(made.model, "w/scale")),
            (std::vector<float>{1.0F / 127, 1.5F / 127, 1.5F / 127}));
}

TEST(ExplicitInt8, LeavesATransposedConvolutionInGroupsWithTheReason) {
  auto model = graph_of("(float[1,4,2,2] x) => (float[1,2,2,2] y) { y = ConvTranspose<group = 2>(x, w) }");
  add_weight(model, "w", {4, 1, 1, 1});
  const auto made = quantized(model, {"x"});
  EXPECT_THAT(node_lines(made.model), ElementsAre("y = ConvTranspose x w"));
  ASSERT_EQ(made.left.size(), 1U);
  EXPECT_EQ(made.left[0].layer, "y");
  EXPECT_THAT(made.left[0].reason, HasSubstr("no axis for the output channels"));
}

TEST(ExplicitInt8, KnowsWhichAxisOfAMatrixIsTheOutput) {
  auto model = graph_of(
      "(float[2,2] x) => (float[2,3] y, float[2,3] z, float[2,3] m) { y = Gemm<transB = 1>(x, w, b)"
      " z = Gemm(x, v) m = MatMul(x, u) }");
  add_weight(model, "w", {3, 2});
  add_weight(model, "b", {3});
  add_weight(model, "v", {2, 3});
  add_weight(model, "u", {2, 3});
  const auto made = quantized(model, {"x"});
  EXPECT_THAT(node_lines(made.model), ::testing::IsSupersetOf({"y = Gemm x/dequantized w/dequantized b",
                                                               "z = Gemm x/dequantized v/dequantized",
                                                               "m = MatMul x/dequantized u/dequantized"}));
  EXPECT_EQ(axis_of(made.model, "w/dequantized"), 0);
  EXPECT_EQ(axis_of(made.model, "v/dequantized"), 1);
  EXPECT_EQ(axis_of(made.model, "u/dequantized"), 1);
}

TEST(ExplicitInt8, RoundsTheSkipOfAResidualThatIsTheBlocksInput) {
  auto model = graph_of(
      "(float[1,2,2,2] x) => (float[1,2,2,2] y) { a = Conv(x, w) s = Add(a, x) r = Relu(s) y = Conv(r, v) }");
  add_weight(model, "w", {2, 2, 1, 1});
  add_weight(model, "v", {2, 2, 1, 1});
  const auto made = quantized(model, {"x", "a", "s", "r"});
  EXPECT_THAT(node_lines(made.model),
              ElementsAre("x/quantized = QuantizeLinear x x/scale int8/zero_point",
                          "x/dequantized = DequantizeLinear x/quantized x/scale int8/zero_point",
                          "w/dequantized = DequantizeLinear w/int8 w/scale int8/zero_points_2",
                          "a = Conv x/dequantized w/dequantized", "s = Add a x/dequantized", "r = Relu s",
                          "r/quantized = QuantizeLinear r r/scale int8/zero_point",
                          "r/dequantized = DequantizeLinear r/quantized r/scale int8/zero_point",
                          "v/dequantized = DequantizeLinear v/int8 v/scale int8/zero_points_2",
                          "y = Conv r/dequantized v/dequantized"));
  EXPECT_THAT(node_lines(quantized(model, {"r"}).model), Contains("s = Add a x"));
}

TEST(ExplicitInt8, RoundsTheShortcutWhereBothAddendsAreConvolutions) {
  for (const char* sum : {"Add(b, c)", "Add(c, b)"}) {
    auto model = graph_of(
        "(float[1,2,2,2] x) => (float[1,2,2,2] s) { a = Conv(x, w) r = Relu(a) b = Conv(r, v) c = Conv(x, u)"
        " s = " +
        std::string(sum) + " }");
    for (const char* weight : {"w", "v", "u"}) add_weight(model, weight, {2, 2, 1, 1});
    const auto lines = node_lines(quantized(model, {"x", "a", "r", "b", "c", "s"}).model);
    EXPECT_THAT(lines, Contains(sum == std::string("Add(b, c)") ? "s = Add b c/dequantized"
                                                                : "s = Add c/dequantized b"));
    EXPECT_THAT(lines, Not(Contains(HasSubstr("QuantizeLinear b "))));
  }
}

TEST(ResidualSkips, AreTheAddendsThatWouldBeRounded) {
  auto model = graph_of(
      "(float[1,2,2,2] x) => (float[1,2,2,2] z) { a = Conv(x, w) r = Relu(a) b = Conv(r, v) c = Conv(x, u)"
      " s = Add(b, c) p = Relu(s) d = Conv(p, q) e = Add(d, k) z = Add(e, p) }");
  for (const char* weight : {"w", "v", "u", "q"}) add_weight(model, weight, {2, 2, 1, 1});
  add_weight(model, "k", {1, 2, 1, 1});
  EXPECT_THAT(residual_skips(model), ElementsAre("c", "p")) << "k is a bias";
}

TEST(ExplicitInt8, RoundsNoSkipWhereConvolutionAndSumCannotBeOneKernel) {
  // The convolution's result is read elsewhere too; the convolution is no INT8 layer; the addend is a bias.
  auto model = graph_of(
      "(float[1,2,2,2] x) => (float[1,2,2,2] s, float[1,2,2,2] t) { a = Conv(x, w) s = Add(a, x) t = Relu(a) "
      "}");
  add_weight(model, "w", {2, 2, 1, 1});
  EXPECT_THAT(node_lines(quantized(model, {"x", "a"}).model), Contains("s = Add a x"));
  model =
      graph_of("(float[1,2,2,2] x, float[1,2,2,2] z) => (float[1,2,2,2] s) { a = Conv(x, w) s = Add(a, z) }");
  add_weight(model, "w", {2, 2, 1, 1});
  EXPECT_THAT(node_lines(quantized(model, {"z"}).model), Contains("s = Add a z"));
  model = graph_of("(float[1,2,2,2] x) => (float[1,2,2,2] s) { a = Conv(x, w) s = Add(a, b) }");
  add_weight(model, "w", {2, 2, 1, 1});
  add_weight(model, "b", {1, 2, 1, 1});
  EXPECT_THAT(node_lines(quantized(model, {"x", "a", "b"}).model), Contains("s = Add a b"));
}

TEST(ExplicitInt8, GivesAConcatAndItsInputsOneScale) {
  auto model = graph_of(
      "(float[1,2,2,2] x) => (float[1,2,2,2] y, float[1,2,2,2] z) { a = Conv(x, w) p = Relu(a) b = Conv(x, v)"
      " q = Relu(b) k = Concat<axis = 1>(p, q) y = Conv(k, u) z = Conv(p, t) }");
  for (const char* weight : {"w", "v", "t"}) add_weight(model, weight, {2, 2, 1, 1});
  add_weight(model, "u", {2, 4, 1, 1});
  const auto made =
      make_explicit_int8(model, {.scales = {{"x", 0.1F}, {"p", 0.2F}, {"q", 0.3F}, {"k", 0.4F}}});
  EXPECT_THAT(activation_scales(made.model), ElementsAre(Pair("x", 0.1F), Pair("k", 0.4F), Pair("p", 0.4F)));
  // A foreign cache need not have the concat's line: then the first of its inputs' counts, for all of them.
  EXPECT_THAT(activation_scales(make_explicit_int8(model, {.scales = {{"q", 0.3F}, {"p", 0.2F}}}).model),
              ElementsAre(Pair("k", 0.2F), Pair("p", 0.2F)));
}

TEST(ExplicitInt8, GivesAMaximumPoolsInputAndOutputOneScaleAndAnAveragesTheirOwn) {
  auto model = graph_of(
      "(float[1,2,4,4] x) => (float[1,2,2,2] y, float[1,2,4,4] z, float[1,2,1,1] v) { a = Conv(x, w) r = "
      "Relu(a)"
      " m = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(r) y = Conv(m, w) z = Conv(r, w)"
      " g = AveragePool<kernel_shape = [2, 2], strides = [2, 2]>(y) v = Conv(g, w) }");
  add_weight(model, "w", {2, 2, 1, 1});
  const auto made = make_explicit_int8(
      model, {.scales = {{"x", 0.1F}, {"r", 0.2F}, {"m", 0.3F}, {"y", 0.4F}, {"g", 0.5F}}});
  EXPECT_THAT(activation_scales(made.model),
              ElementsAre(Pair("x", 0.1F), Pair("m", 0.2F), Pair("r", 0.2F), Pair("g", 0.5F)));
  EXPECT_NO_THROW(check_onnx(made.model));
}

TEST(ExplicitInt8, RoundsATensorAndSharedWeightsOnce) {
  auto model = graph_of(
      "(float[1,2,2,2] x) => (float[1,2,2,2] y, float[1,2,2,2] z, float[1,2,2,2] t) { y = Conv(x, w)"
      " z = Conv(x, w) t = ConvTranspose(x, w) }");
  add_weight(model, "w", {2, 2, 1, 1});  // 0.5 -0.5 | 1 -1
  const auto made = quantized(model, {"x"});
  EXPECT_THAT(
      node_lines(made.model),
      ElementsAre("x/quantized = QuantizeLinear x x/scale int8/zero_point",
                  "x/dequantized = DequantizeLinear x/quantized x/scale int8/zero_point",
                  "w/dequantized = DequantizeLinear w/int8 w/scale int8/zero_points_2",
                  "y = Conv x/dequantized w/dequantized", "z = Conv x/dequantized w/dequantized",
                  "w/dequantized/again = DequantizeLinear w/int8/again w/scale/again int8/zero_points_2",
                  "t = ConvTranspose x/dequantized w/dequantized/again"));
  EXPECT_THAT(integers(made.model, "w/int8"), ElementsAre(127, -127, 127, -127));
  EXPECT_THAT(integers(made.model, "w/int8/again"), ElementsAre(64, -64, 127, -127));
}

TEST(ExplicitInt8, KeepsFloatWeightsThatSomebodyElseReads) {
  auto model = graph_of(
      "(float[2,2] x, float[2,2] u) => (float[2,2] y, float[2,2] z) { y = MatMul(x, w) z = MatMul(u, w) }");
  add_weight(model, "w", {2, 2});
  const auto made = quantized(model, {"x"});
  EXPECT_THAT(node_lines(made.model),
              ::testing::IsSupersetOf({"y = MatMul x/dequantized w/dequantized", "z = MatMul u w"}));
  ASSERT_EQ(made.left.size(), 1U);
  EXPECT_EQ(made.left[0].layer, "z");
  EXPECT_EQ(made.left[0].reason, "no scale for its input 'u'");
}

TEST(ExplicitInt8, LeavesTheOutputsOfTheGraphAsTheyAre) {
  auto model = graph_of(
      "(float[1,2,2,2] x) => (float[1,2,2,2] y, float[1,2,2,2] z) { a = Conv(x, w) y = Sigmoid(a)"
      " z = Conv(y, w) }");
  add_weight(model, "w", {2, 2, 1, 1});
  const auto lines = node_lines(quantized(model, {"x", "a", "y", "z"}).model);
  EXPECT_THAT(lines, ::testing::IsSupersetOf({"y = Sigmoid a",
                                              "y/quantized = QuantizeLinear y y/scale int8/zero_point",
                                              "z = Conv y/dequantized w/dequantized"}));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("QuantizeLinear z"))));
  EXPECT_EQ(lines.back(), "z = Conv y/dequantized w/dequantized");
}

TEST(ExplicitInt8, SaysWhatStaysInFloatingPointAndWhy) {
  auto model = graph_of(
      "(float[2,2] x, float[2,2] u) => (float[2,2] y, float[2,2] z, float[2,2] t) { y = MatMul(x, u) z = "
      "Gemm(x, h)"
      " t = MatMul(y, w) }");
  add_weight(model, "w", {2, 2});
  add_weight(model, "h", {2, 2});
  auto& half = *model.mutable_graph()->mutable_initializer(1);
  half.set_data_type(TensorProto::FLOAT16);
  half.clear_float_data();
  for (int i = 0; i < 4; ++i) half.add_int32_data(0x3c00);
  const auto made = make_explicit_int8(model, {.scales = {{"x", 1.0F}}});
  std::map<std::string, std::string> left;
  for (const auto& entry : made.left) left[entry.layer] = entry.reason;
  EXPECT_THAT(left, UnorderedElementsAre(Pair("y", "its weights are no constants"),
                                         Pair("z", "its weights are FLOAT16, not FLOAT"),
                                         Pair("t", "no scale for its input 'y'")));
  EXPECT_THAT(made.quantized, IsEmpty());
}

TEST(ExplicitInt8, TakesWeightsOfConstantNodesToo) {
  auto model = graph_of(
      "(float[1,2] x) => (float[1,1] y) { w = Constant<value = float[2,1] {1.0, -0.25}>() y = MatMul(x, w) "
      "}");
  const auto made = quantized(model, {"x"});
  EXPECT_THAT(integers(made.model, "w/int8"), ElementsAre(127, -32));
}

TEST(ExplicitInt8, GivesAChannelOfZerosAPositiveScale) {
  auto model = graph_of("(float[1,1,2,2] x) => (float[1,2,2,2] y) { y = Conv(x, w) }");
  add_floats(model, "w", {2, 1, 1, 1}, {0.0F, 2.0F});
  const auto made = quantized(model, {"x"});
  EXPECT_EQ(float_values(initializer(made.model, "w/scale")), (std::vector<float>{1.0F / 127, 2.0F / 127}));
  EXPECT_THAT(integers(made.model, "w/int8"), ElementsAre(0, 127));
}

TEST(ExplicitInt8, KeepsNamesUnique) {
  auto model =
      graph_of("(float[1,2,2,2] x) => (float[1,2,2,2] y) { x_ = Relu(x) a = Conv(x_, w) y = Conv(a, w) }");
  model.mutable_graph()->mutable_node(0)->set_output(0, "a/quantized");
  model.mutable_graph()->mutable_node(0)->set_name("a/dequantized");
  model.mutable_graph()->mutable_node(1)->set_input(0, "a/quantized");
  add_weight(model, "w", {2, 2, 1, 1});
  const auto lines = node_lines(quantized(model, {"a/quantized", "a"}).model);
  EXPECT_THAT(lines, ::testing::IsSupersetOf({"a/quantized = Relu x",
                                              "a/quantized/again = QuantizeLinear a a/scale int8/zero_point",
                                              "y = Conv a/dequantized/again w/dequantized"}));
}

TEST(ExplicitInt8, DropsTheInputsThatOldModelsHaveForTheirWeights) {
  auto model = graph_of("(float[1,1] x, float[1,1] w) => (float[1,1] y) { y = MatMul(x, w) }");
  model.set_ir_version(3);
  add_weight(model, "w", {1, 1});
  const auto made = quantized(model, {"x"});
  EXPECT_EQ(made.model.graph().input_size(), 1);
  EXPECT_GE(made.model.ir_version(), 4);
}

// Of a quantisation-aware model.
TEST(ExplicitInt8, RoundsWhereTrainingDidForAllReaders) {
  auto model = graph_of(
      "(float[1,2,2,2] x) => (float[1,2,2,2] y, float[1,2,2,2] r) { a = Conv(x, w) r = Relu(a) s = Add(r, x)"
      " y = Conv(s, v) }");
  add_floats(model, "w", {2, 2, 1, 1}, {0.5F, -0.5F, 1.0F, -1.28F});
  add_weight(model, "v", {2, 2, 1, 1});
  const auto made =
      make_explicit_int8(model, {.scales = {{"x", 0.1F}, {"r", 0.2F}, {"s", 0.3F}, {"gone", 1.0F}},
                                 .weight_steps = {{"w", {0.01F, 0.01F}}},
                                 .placement = Placement::kTrained});
  EXPECT_NO_THROW(check_onnx(made.model));
  EXPECT_THAT(
      node_lines(made.model),
      ElementsAre("x/quantized = QuantizeLinear x x/scale int8/zero_point",
                  "x/dequantized = DequantizeLinear x/quantized x/scale int8/zero_point",
                  "w/dequantized = DequantizeLinear w/int8 w/scale int8/zero_points_2",
                  "a = Conv x/dequantized w/dequantized",
                  // an output of the graph that the range stands on keeps its name
                  "r/unrounded = Relu a", "r/quantized = QuantizeLinear r/unrounded r/scale int8/zero_point",
                  "r = DequantizeLinear r/quantized r/scale int8/zero_point", "s = Add r x/dequantized",
                  "s/quantized = QuantizeLinear s s/scale int8/zero_point",
                  "s/dequantized = DequantizeLinear s/quantized s/scale int8/zero_point",
                  "y = Conv s/dequantized v"));
  // The grid that was trained begins at -128.
  EXPECT_THAT(integers(made.model, "w/int8"), ElementsAre(50, -50, 100, -128));
  EXPECT_EQ(float_values(initializer(made.model, "w/scale")), (std::vector<float>{0.01F, 0.01F}));
  EXPECT_THAT(made.quantized, ElementsAre("a"));
  ASSERT_EQ(made.left.size(), 1U);
  EXPECT_EQ(made.left[0].reason, "training fixed no steps for its weights");
}

TEST(ExplicitInt8, RoundsNothingButFloats) {
  auto model = graph_of("(float[2] x) => (int64[1] n) { n = Shape(x) }");
  EXPECT_THAT(
      node_lines(
          make_explicit_int8(model, {.scales = {{"n", 1.0F}}, .placement = Placement::kTrained}).model),
      ElementsAre("n = Shape x"));
}

std::string refusal(const ModelProto& model, ExplicitInt8Request request) {
  try {
    make_explicit_int8(model, request);
  } catch (const Error& error) {
    return error.line();
  }
  return "none";
}

TEST(ExplicitInt8, RefusesScalesThatTensorRtDoesNotTake) {
  for (const auto& [scale, said] :
       std::map<float, std::string>{{0.0F, "is 0"}, {-1.0F, "is -1"}, {1e-40F, "that is not denormal"}})
    EXPECT_THAT(refusal(chain(), {.scales = {{"x", scale}}}), HasSubstr(said));
  EXPECT_THAT(refusal(chain(), {.scales = {{"x", std::numeric_limits<float>::quiet_NaN()}}}),
              HasSubstr("nan"));
  EXPECT_THAT(refusal(chain(), {.scales = {{"x", std::numeric_limits<float>::infinity()}}}),
              HasSubstr("inf"));
  EXPECT_THAT(refusal(chain(), {.scales = {{"x", 1.0F}}, .weight_steps = {{"w", {1.0F, 0.0F}}}}),
              HasSubstr("the scale of 'w' is 0"));
  EXPECT_THAT(refusal(chain(), {.scales = {{"x", 1.0F}}, .weight_steps = {{"w", {1.0F}}}}),
              HasSubstr("1 steps for 2 output channels, in weight 'w'"));
}

TEST(ExplicitInt8, RefusesModelsThatItCannotQuantise) {
  const ModelProto once = quantized(chain(), {"x"}).model;
  EXPECT_THAT(refusal(once, {}), HasSubstr("quantised already"));
  auto old = chain();
  old.mutable_opset_import(0)->set_version(12);
  EXPECT_EQ(refusal(old, {}),
            "the model has opset 12, explicit INT8 needs 13 or later (`etalon NETWORK export -m OLD.onnx` "
            "raises it, where that changes nothing)");
  auto broken = chain();
  broken.mutable_graph()->mutable_initializer(0)->set_float_data(0, std::numeric_limits<float>::quiet_NaN());
  EXPECT_THAT(refusal(broken, {.scales = {{"x", 1.0F}}}),
              HasSubstr("nan, expected finite numbers, in weight 'w'"));
}

TEST(ExplicitInt8, SurvivesGraphsThatFitNothing) {
  const auto changed = [](auto&& change) {
    auto model = chain();
    change(*model.mutable_graph());
    return refusal(model, {.scales = {{"x", 1.0F}, {"r", 1.0F}, {"a", 1.0F}}});
  };
  EXPECT_THAT(changed([](GraphProto& g) { g.mutable_initializer(0)->add_float_data(1); }),
              HasSubstr("'w' holds 3"));
  EXPECT_THAT(changed([](GraphProto& g) { g.mutable_initializer(0)->clear_dims(); }),
              HasSubstr("0 dimensions"));
  EXPECT_THAT(changed([](GraphProto& g) { g.mutable_initializer(0)->set_dims(0, -1); }), HasSubstr("'w'"));
  EXPECT_THAT(changed([](GraphProto& g) { g.mutable_initializer(0)->set_dims(0, 0); }),
              HasSubstr("'w' is empty"));
  EXPECT_EQ(changed([](GraphProto& g) { g.mutable_node(0)->clear_input(); }), "none");
  EXPECT_EQ(changed([](GraphProto& g) { g.mutable_node(0)->clear_output(); }), "none");
  EXPECT_EQ(changed([](GraphProto& g) { g.mutable_node(1)->clear_input(); }), "none");
  EXPECT_EQ(changed([](GraphProto& g) { g.mutable_node(2)->set_input(0, "w"); }), "none");
  EXPECT_EQ(changed([](GraphProto& g) { g.mutable_node(0)->set_input(0, "y"); }), "none");  // in a circle
  EXPECT_EQ(changed([](GraphProto& g) { g.clear_initializer(); }), "none");
  EXPECT_EQ(changed([](GraphProto& g) { *g.add_initializer() = g.initializer(0); }), "none");
}

TEST(ActivationScales, NamesTheNodeThatFitsNoCache) {
  const auto said = [](auto&& change) {
    ModelProto model = quantized(chain(), {"x"}).model;
    change(model);
    try {
      activation_scales(model);
    } catch (const Error& error) {
      return error.line();
    }
    return std::string("none");
  };
  const auto at = [](ModelProto& model, const std::string& name) -> TensorProto& {
    for (auto& tensor : *model.mutable_graph()->mutable_initializer())
      if (tensor.name() == name) return tensor;
    throw std::out_of_range(name);
  };
  EXPECT_EQ(said([](ModelProto&) {}), "none");
  EXPECT_THAT(said([&](ModelProto& m) { at(m, "int8/zero_point").set_raw_data("\1"); }),
              HasSubstr("zero point is not 0, in node 'x/quantized'"));
  EXPECT_THAT(said([&](ModelProto& m) { at(m, "int8/zero_point").set_data_type(TensorProto::UINT8); }),
              HasSubstr("not of type INT8"));
  EXPECT_THAT(said([&](ModelProto& m) { m.mutable_graph()->mutable_node(0)->set_input(1, "x"); }),
              HasSubstr("no constant"));
  EXPECT_THAT(said([&](ModelProto& m) { m.mutable_graph()->mutable_node(0)->set_input(1, "w/scale"); }),
              HasSubstr("2 scales"));
  EXPECT_THAT(said([&](ModelProto& m) { m.mutable_graph()->mutable_node(0)->clear_input(); }),
              HasSubstr("no scale"));
  EXPECT_THAT(said([&](ModelProto& m) { std::memset(at(m, "x/scale").mutable_raw_data()->data(), 0, 4); }),
              HasSubstr("the scale of 'x' is 0"));
}

TEST(IsExplicitlyQuantized, SeesNodesOfSubgraphsToo) {
  EXPECT_FALSE(is_explicitly_quantized(chain()));
  EXPECT_TRUE(is_explicitly_quantized(quantized(chain(), {"x"}).model));
  auto nested = chain();
  auto& attribute = *nested.mutable_graph()->mutable_node(1)->add_attribute();
  attribute.mutable_g()->add_node()->set_op_type("FakeQuantize");
  EXPECT_TRUE(is_explicitly_quantized(nested));
}

}  // namespace
}  // namespace etalon
