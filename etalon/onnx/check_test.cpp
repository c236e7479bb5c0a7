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
  model.mutable_opset_import(0)->set_version(21);
  EXPECT_THAT(complaint(model), HasSubstr("opset 21"));
  model = right();
  model.set_ir_version(10);  // the container's version says nothing about the operators
  EXPECT_EQ(complaint(model), "right");
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
