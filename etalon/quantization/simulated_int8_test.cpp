#include "etalon/quantization/simulated_int8.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

#include "etalon/base/error.hpp"
#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

using ::testing::ElementsAre;

// Two convolutions and an addition read x, the first two with the same weights.
ModelProto branches() {
  ModelProto model = parse_model(R"(
    <ir_version: 7, opset_import: ["" : 13]>
    g (float[1,1,2,2] x) => (float[1,1,2,2] z) {
      a = Conv(x, w, b)
      c = Conv(x, w, b)
      d = Add(a, x)
      z = Conv(d, v)
    })");
  add_floats(model, "w", {1, 1, 1, 1}, {0.5F});
  add_floats(model, "b", {1}, {0.123F});
  add_floats(model, "v", {1, 1, 1, 1}, {2.0F});
  return model;
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

float number(const ModelProto& model, const std::string& name) {
  for (const auto& tensor : model.graph().initializer())
    if (tensor.name() == name) return float_values(tensor).at(0);
  ADD_FAILURE() << "no initializer " << name;
  return 0;
}

TEST(SimulateInt8, RoundsATensorOnceForAllLayersThatReadIt) {
  const ModelProto model = simulate_int8(branches(), {{"x", 0.25F}, {"d", 0.5F}});
  EXPECT_THAT(node_lines(model),
              ElementsAre("x/int8/steps = Div x x/int8/scale", "x/int8/rounded = Round x/int8/steps",
                          "x/int8/clipped = Clip x/int8/rounded int8/lowest int8/highest",
                          "x/int8 = Mul x/int8/clipped x/int8/scale", "a = Conv x/int8 w/int8 b",
                          "c = Conv x/int8 w/int8 b", "d = Add a x", "d/int8/steps = Div d d/int8/scale",
                          "d/int8/rounded = Round d/int8/steps",
                          "d/int8/clipped = Clip d/int8/rounded int8/lowest int8/highest",
                          "d/int8 = Mul d/int8/clipped d/int8/scale", "z = Conv d/int8 v/int8"));
  EXPECT_EQ(number(model, "x/int8/scale"), 0.25F);
  EXPECT_EQ(number(model, "d/int8/scale"), 0.5F);
  EXPECT_EQ(number(model, "int8/lowest"), -127.0F);
  EXPECT_EQ(number(model, "int8/highest"), 127.0F);
  EXPECT_EQ(number(model, "b"), 0.123F);
  EXPECT_NO_THROW(check_onnx(model));
}

TEST(SimulateInt8, LeavesLayersWithoutAScaleAlone) {
  EXPECT_EQ(simulate_int8(branches(), {}).SerializeAsString(), branches().SerializeAsString());
  EXPECT_EQ(simulate_int8(branches(), {{"a", 1.0F}, {"z", 1.0F}, {"elsewhere", 1.0F}}).SerializeAsString(),
            branches().SerializeAsString());
  EXPECT_THAT(node_lines(simulate_int8(branches(), {{"d", 0.5F}})), ::testing::Contains("a = Conv x w b"));
}

TEST(SimulateInt8, KeepsNamesUniqueWhereTheModelHasThemAlready) {
  ModelProto model = branches();
  model.mutable_graph()->mutable_node(2)->set_output(0, "x/int8/rounded");
  model.mutable_graph()->mutable_node(3)->set_input(0, "x/int8/rounded");
  add_floats(model, "x/int8/scale", {}, {9.0F});
  const ModelProto simulated = simulate_int8(simulate_int8(model, {{"x", 0.25F}}), {{"x/int8", 0.25F}});
  std::set<std::string> names;
  for (const auto& node : simulated.graph().node())
    EXPECT_TRUE(names.insert(node.output(0)).second) << node.output(0);
  for (const auto& tensor : simulated.graph().initializer())
    EXPECT_TRUE(names.insert(tensor.name()).second) << tensor.name();
  EXPECT_NO_THROW(check_onnx(simulated));
}

TEST(SimulateInt8, GivesSharedWeightsAGridForEachRole) {
  ModelProto model = parse_model(R"(
    <ir_version: 7, opset_import: ["" : 13]>
    g (float[2,2] x) => (float[2,2] z) { a = Gemm<transB = 1>(x, w)  z = Gemm(x, w) })");
  add_floats(model, "w", {2, 2}, {1.0F, 0.3F, 0.3F, 0.1F});
  const ModelProto simulated = simulate_int8(model, {{"x", 1.0F}});
  EXPECT_THAT(node_lines(simulated),
              ::testing::IsSupersetOf({"a = Gemm x/int8 w/int8", "z = Gemm x/int8 w/int8/again"}));
}

TEST(SimulateInt8, TellsWhatItCannotSimulate) {
  const auto error = [](const ModelProto& model, float scale) {
    try {
      simulate_int8(model, {{"x", scale}});
    } catch (const Error& e) {
      return e.line();
    }
    return std::string("no error");
  };
  EXPECT_EQ(error(branches(), 0.0F), "the scale of 'x' is 0, expected a positive number");
  ModelProto old = branches();
  old.mutable_opset_import(0)->set_version(9);
  EXPECT_EQ(error(old, 1.0F),
            "the model has opset 9, simulating INT8 needs 11 or later (export the trained model with etalon, "
            "or raise the opset with onnx's version_converter)");
  EXPECT_EQ(simulate_int8(old, {}).SerializeAsString(), old.SerializeAsString());
  ModelProto broken = branches();
  broken.mutable_graph()->mutable_initializer(0)->set_float_data(0, std::numeric_limits<float>::infinity());
  EXPECT_EQ(error(broken, 1.0F), "it holds inf, expected finite numbers, in weight 'w'");
}

TEST(CountQuantizableLayers, CountsLayersWithConstantWeights) {
  EXPECT_EQ(count_quantizable_layers(branches()), 3U);
  EXPECT_EQ(count_quantizable_layers(branches(), {{"x", 1.0F}}), 2U);
  EXPECT_EQ(count_quantizable_layers(branches(), {}), 0U);
  EXPECT_EQ(count_quantizable_layers(parse_model(R"(
    <ir_version: 7, opset_import: ["" : 13]>
    g (float[2,2] x, float[2,2] y) => (float[2,2] z) { z = MatMul(x, y) })")),
            0U);
}

}  // namespace
}  // namespace etalon
