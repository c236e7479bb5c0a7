#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/base/error.hpp"
#include "etalon/onnx/model.hpp"
#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

using testing::HasSubstr;

std::string complaint(const ModelProto& model) {
  try {
    check_onnx(model);
  } catch (const Error& error) {
    return error.line();
  }
  return "right";
}

constexpr const char* kRight =
    R"(<ir_version: 7, opset_import: ["" : 13]> g (float[2] x) => (float[2] y) { h = Relu(x) y = Add(h, w) })";

ModelProto right() {
  auto model = parse_model(kRight);
  add_floats(model, "w", {2}, {1, 2});
  return model;
}

TEST(CheckOnnx, IsContentWithARightModel) { EXPECT_EQ(complaint(right()), "right"); }

TEST(CheckOnnx, NamesATensorThatNothingMakes) {
  EXPECT_THAT(complaint(parse_model(kRight)), HasSubstr("uses tensor 'w', which nothing before it makes"));
}

TEST(CheckOnnx, NamesATensorThatIsMadeTwice) {
  auto model = right();
  *model.mutable_graph()->add_node() = model.graph().node(0);
  EXPECT_THAT(complaint(model), HasSubstr("makes tensor 'h', which is there already"));
}

TEST(CheckOnnx, RefusesUseBeforeDefinition) {
  auto model = right();
  model.mutable_graph()->mutable_node()->SwapElements(0, 1);
  EXPECT_THAT(complaint(model), HasSubstr("uses tensor 'h'"));
}

TEST(CheckOnnx, NamesAnInitializerOfTheWrongSize) {
  auto model = right();
  model.mutable_graph()->mutable_initializer(0)->add_float_data(3);
  EXPECT_THAT(complaint(model), HasSubstr("initializer 'w' holds 3 numbers, its shape needs 2"));
  auto& tensor = *model.mutable_graph()->mutable_initializer(0);
  tensor.clear_float_data();
  tensor.set_raw_data("1234567");
  EXPECT_THAT(complaint(model), HasSubstr("initializer 'w' holds 7 bytes"));
}

TEST(CheckOnnx, RefusesAnInitializerThatStandsTwice) {
  auto model = right();
  add_floats(model, "w", {2}, {1, 2});
  EXPECT_THAT(complaint(model), HasSubstr("initializer 'w' stands twice"));
}

TEST(CheckOnnx, RefusesAnOutputThatNobodyMakes) {
  auto model = right();
  model.mutable_graph()->mutable_output(0)->set_name("z");
  EXPECT_THAT(complaint(model), HasSubstr("graph output 'z' is made by no node"));
}

TEST(CheckOnnx, RefusesUnknownOperatorsAndWrongAttributes) {
  auto model = right();
  model.mutable_graph()->mutable_node(0)->set_op_type("Rulu");
  EXPECT_THAT(complaint(model), HasSubstr("Rulu"));
  model = right();
  auto& attribute = *model.mutable_graph()->mutable_node(0)->add_attribute();
  attribute.set_name("slope");
  attribute.set_type(AttributeProto::FLOAT);
  EXPECT_THAT(complaint(model), HasSubstr("slope"));
}

TEST(CheckOnnx, SaysThatAnOpsetIsTooNew) {
  auto model = right();
  model.mutable_opset_import(0)->set_version(22);
  EXPECT_THAT(complaint(model), HasSubstr("opset 22"));
  model = right();
  model.set_ir_version(10);  // the container's version says nothing about the operators
  EXPECT_EQ(complaint(model), "right");
}

TEST(CheckOnnx, ChecksNewerOpsetsAsFarAsItKnowsThem) {
  auto model = parse_model(R"(<ir_version: 9, opset_import: ["" : 19]> g (float16[2] x) => (float16[2] y) {
    q = QuantizeLinear<saturate = 1>(x, s, z) h = DequantizeLinear(q, s, z) m = Mish(h)
    y, r = Split<num_outputs = 2>(m) })");
  add_floats(model, "s", {}, {1});
  add_floats(model, "z", {}, {0});
  EXPECT_EQ(complaint(model), "right");
  auto broken = model;
  broken.mutable_graph()->mutable_node(2)->set_op_type("Mash");
  EXPECT_THAT(complaint(broken), HasSubstr("Mash"));
  broken = model;
  broken.mutable_graph()->mutable_node(2)->set_op_type("Relu");
  broken.mutable_graph()->mutable_node(2)->clear_input();
  EXPECT_THAT(complaint(broken), HasSubstr("Relu"));
  broken = model;
  broken.mutable_graph()->mutable_node(0)->clear_input();
  EXPECT_THAT(complaint(broken), HasSubstr("QuantizeLinear"));
  broken = model;
  broken.mutable_graph()->mutable_initializer(0)->add_float_data(1);
  EXPECT_THAT(complaint(broken), HasSubstr("'s' holds 2 numbers"));
  EXPECT_THROW(infer_shapes(model), Error);
}

// A TensorRT plugin between operators of ONNX.
ModelProto with_plugin(const std::string& attributes = "plugin_version = \"1\"") {
  return parse_model(R"(<ir_version: 7, opset_import: ["" : 13]>
    g (float[2,4] x) => (float[2,6] z) { h = Relu(x) y = Sieve_TRT <)" +
                     attributes + R"(, sizes = [3, 4]> (h, x) z = Relu(y) })");
}

TEST(CheckOnnx, TakesANodeOfTensorRTsPlugins) {
  EXPECT_EQ(complaint(with_plugin()), "right");
  EXPECT_TRUE(is_plugin_node(with_plugin().graph().node(1)));
}

TEST(CheckOnnx, TakesNoOtherUnknownOperator) {
  EXPECT_THAT(complaint(with_plugin("version = \"1\"")), HasSubstr("Sieve_TRT"));
  auto model = with_plugin();
  model.mutable_graph()->mutable_node(1)->set_domain("com.example");
  EXPECT_FALSE(is_plugin_node(model.graph().node(1)));
  model = with_plugin();
  model.mutable_graph()->mutable_node(2)->set_op_type("Sieve_TRT");
  EXPECT_THAT(complaint(model), HasSubstr("node '' (Sieve_TRT) has no attribute 'plugin_version'"));
}

TEST(CheckOnnx, ChecksAnOperatorOfItsOwnEvenIfItBearsAPluginsMark) {
  auto model = right();
  auto& attribute = *model.mutable_graph()->mutable_node(0)->add_attribute();
  attribute.set_name("plugin_version");
  attribute.set_type(AttributeProto::STRING);
  EXPECT_FALSE(is_plugin_node(model.graph().node(0)));
  EXPECT_THAT(complaint(model), HasSubstr("plugin_version"));
}

TEST(InferShapes, TakesTheNotedShapeOfWhatAPluginMakes) {
  auto model = with_plugin();
  auto& noted = *model.mutable_graph()->add_value_info();
  noted = model.graph().output(0);
  noted.set_name("y");
  model.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  infer_shapes(model);
  EXPECT_EQ(shape_of(model.graph().output(0)), (Shape{2, 6}));
}

TEST(InferShapes, RefusesAWrongShapeBehindAPlugin) {
  auto model = with_plugin();
  auto& noted = *model.mutable_graph()->add_value_info();
  noted = model.graph().output(0);
  noted.set_name("y");
  noted.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(1)->set_dim_value(5);
  EXPECT_THROW(infer_shapes(model), Error);
}

TEST(InferShapes, FillsInWhatFollowsFromTheInput) {
  auto model = right();
  infer_shapes(model);
  ASSERT_EQ(model.graph().value_info_size(), 1);
  EXPECT_EQ(model.graph().value_info(0).name(), "h");
  EXPECT_EQ(shape_of(model.graph().value_info(0)), Shape{2});
}

TEST(InferShapes, RefusesADeclaredShapeThatIsWrong) {
  auto model = right();
  model.mutable_graph()
      ->mutable_output(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_value(3);
  EXPECT_THROW(infer_shapes(model), Error);
}

}  // namespace
}  // namespace etalon
