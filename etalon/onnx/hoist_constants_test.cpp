#include "etalon/onnx/hoist_constants.hpp"

#include <gtest/gtest.h>

#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

TEST(HoistConstants, MakesInitializersOfTensorsAndNumbers) {
  auto model = parse_model(R"(<ir_version: 3, opset_import: ["" : 13]> g (float[2] x) => (float[2] y) {
    a = Constant<value = float[2] {1.0, 2.0}>() b = Constant<value_float = 3.0>() c = Add(x, a) y = Mul(c, b) })");
  hoist_constants(model);
  check_onnx(model);
  ASSERT_EQ(model.graph().node_size(), 2);
  EXPECT_EQ(model.graph().node(0).op_type(), "Add");
  ASSERT_EQ(model.graph().initializer_size(), 2);
  EXPECT_EQ(model.graph().initializer(0).name(), "a");
  EXPECT_EQ(float_values(model.graph().initializer(0)), (std::vector<float>{1, 2}));
  EXPECT_EQ(model.graph().initializer(1).name(), "b");
  EXPECT_EQ(float_values(model.graph().initializer(1)), std::vector<float>{3});
  EXPECT_EQ(model.ir_version(), 4);
}

TEST(HoistConstants, LeavesOtherModelsAlone) {
  auto model = parse_model(
      R"(<ir_version: 3, opset_import: ["" : 13]> g (float[2] x) => (float[2] y) { y = Relu(x) })");
  const std::string before = model.SerializeAsString();
  hoist_constants(model);
  EXPECT_EQ(model.SerializeAsString(), before);
}

}  // namespace
}  // namespace etalon
