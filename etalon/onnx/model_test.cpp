#include "etalon/onnx/model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/base/error.hpp"
#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

using testing::ElementsAre;

ModelProto with_initializer(TensorProto::DataType type, std::initializer_list<std::int64_t> dims,
                            std::string raw) {
  auto model = parse_model(
      R"(<ir_version: 7, opset_import: ["" : 13]> g (float[2] x) => (float[2] y) { y = Relu(x) })");
  auto& tensor = *model.mutable_graph()->add_initializer();
  tensor.set_name("w");
  tensor.set_data_type(type);
  for (const auto dim : dims) tensor.add_dims(dim);
  tensor.set_raw_data(std::move(raw));
  return model;
}

TEST(ShapeOf, TellsDynamicDimensionsFromAnUnknownRank) {
  const auto model = parse_model(
      R"(<ir_version: 7, opset_import: ["" : 13]> g (float[N,3] x) => (float[] y) { y = Relu(x) })");
  EXPECT_EQ(shape_of(model.graph().input(0)), (Shape{std::nullopt, 3}));
  ValueInfoProto unknown;
  unknown.mutable_type()->mutable_tensor_type()->set_elem_type(TensorProto::FLOAT);
  EXPECT_EQ(shape_of(unknown), std::nullopt);
}

TEST(ActivationNames, LeaveOutConstantsAndWhatIsComputedFromThem) {
  auto model =
      parse_model(R"(<ir_version: 7, opset_import: ["" : 13]> g (float[N,3] x, float[3] w) => (float[N,3] y) {
    c = Constant<value_float = 2.0>()
    d = Mul(c, w)
    s = Shape(x)
    t = Cast<to = 7>(s)
    u = Reshape(x, t)
    y = Mul(u, d) })");
  add_floats(model, "w", {3}, {1, 2, 3});
  EXPECT_THAT(activation_names(model.graph()), ElementsAre("x", "u", "y"));
  ASSERT_EQ(data_inputs(model.graph()).size(), 1U);
  EXPECT_EQ(data_inputs(model.graph())[0]->name(), "x");
}

TEST(FloatValues, WidenHalvesAsNumPyDoes) {
  // numpy: np.array([1, -2, 65504, 5.9604645e-08, -0.0], np.float16).tobytes()
  const auto model = with_initializer(TensorProto::FLOAT16, {5},
                                      std::string("\x00\x3c\x00\xc0\xff\x7b\x01\x00\x00\x80", 10));
  const auto values = float_values(model.graph().initializer(0));
  EXPECT_THAT(values, ElementsAre(1.0F, -2.0F, 65504.0F, 5.9604645e-08F, 0.0F));
  EXPECT_TRUE(std::signbit(values[4]));
}

TEST(FloatValues, RefuseOtherTypesAndWrongSizes) {
  EXPECT_THROW(
      float_values(with_initializer(TensorProto::INT64, {1}, std::string(8, '\0')).graph().initializer(0)),
      Error);
  try {
    float_values(with_initializer(TensorProto::FLOAT, {3}, std::string(8, '\0')).graph().initializer(0));
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.line(), testing::HasSubstr("initializer 'w' holds 8 bytes, its shape needs 12"));
  }
}

TEST(ElementCount, RefusesShapesThatOverflow) {
  EXPECT_THROW(
      element_count(with_initializer(TensorProto::FLOAT, {1LL << 40, 1LL << 40}, "").graph().initializer(0)),
      Error);
  EXPECT_THROW(element_count(with_initializer(TensorProto::FLOAT, {-1}, "").graph().initializer(0)), Error);
  EXPECT_EQ(element_count(with_initializer(TensorProto::FLOAT, {1LL << 40, 0}, "").graph().initializer(0)),
            0U);
}

TEST(ModelOf, HasNothingThatChangesFromRunToRun) {
  GraphProto graph;
  graph.set_name("g");
  const auto model = model_of(graph);
  EXPECT_EQ(model.ir_version(), kIrVersion);
  EXPECT_EQ(opset_of(model), kOpset);
  EXPECT_EQ(model.producer_name(), "etalon");
  EXPECT_EQ(model.producer_version().find_first_not_of("0123456789."), std::string::npos);
}

}  // namespace
}  // namespace etalon
