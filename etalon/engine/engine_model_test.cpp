#include "etalon/engine/engine_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/defs/parser.h>

#include "etalon/base/message_of_test.hpp"

namespace etalon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ModelProto model(const std::string& graph) {
  ModelProto parsed;
  const std::string text = "<ir_version: 7, opset_import: [\"\" : 13]> " + graph;
  onnx::OnnxParser parser(text.c_str());
  if (const auto status = parser.Parse(parsed); !status.IsOK())
    throw std::runtime_error(status.ErrorMessage());
  return parsed;
}

TEST(EngineModel, TellsInputsAndTheirOpenBatch) {
  const EngineModel plain =
      describe_for_engine(model("g (float[N,3,8,8] x, float[2] m) => (float[N,3,8,8] y) { y = Relu(x) }"));
  ASSERT_EQ(plain.inputs.size(), 2U);
  EXPECT_EQ(plain.inputs[0].name, "x");
  EXPECT_THAT(plain.inputs[0].dims, ElementsAre(-1, 3, 8, 8));
  EXPECT_TRUE(plain.inputs[0].open_batch());
  EXPECT_FALSE(plain.inputs[1].open_batch());
  EXPECT_TRUE(plain.open_batch());
  EXPECT_FALSE(plain.explicit_precision());
  EXPECT_FALSE(describe_for_engine(model("g (float[1,3] x) => (float[1,3] y) { y = Relu(x) }")).open_batch());
}

TEST(EngineModel, KnowsWhatIsExplicit) {
  const EngineModel quantized =
      describe_for_engine(model("g (float[N,3] x, float s, int8 z) => (float[N,3] y) { q = QuantizeLinear(x, "
                                "s, z) y = DequantizeLinear(q, s, z) }"));
  EXPECT_TRUE(quantized.quantized && quantized.explicit_precision() && !quantized.half);
  const EngineModel cast = describe_for_engine(
      model("g (float[N,3] x) => (float[N,3] y) { h = Cast<to = 10>(x) y = Cast<to = 1>(h) }"));
  EXPECT_TRUE(cast.half && cast.explicit_precision() && !cast.quantized);
  EXPECT_TRUE(describe_for_engine(model("g (float16[N,3] x) => (float16[N,3] y) { y = Relu(x) }")).half);
  ModelProto weights = model("g (float[N,3] x) => (float[N,3] y) { y = Relu(x) }");
  weights.mutable_graph()->add_initializer()->set_data_type(TensorProto::FLOAT16);
  EXPECT_TRUE(describe_for_engine(weights).half);
  weights.mutable_graph()->mutable_initializer(0)->set_data_type(TensorProto::FLOAT);
  EXPECT_FALSE(describe_for_engine(weights).half);
}

TEST(EngineModel, SeesPlugins) {
  EXPECT_TRUE(describe_for_engine(
                  model("g (float[N,3] x) => (float[N,3] y) { y = Strange<plugin_version = \"1\">(x) }"))
                  .plugins);
}

TEST(EngineModel, RefusesInputsThatNoProfileCanBeMadeFor) {
  const auto message = [](const std::string& graph) {
    return message_of([&] { describe_for_engine(model(graph)); });
  };
  EXPECT_THAT(message("g (float[N,3,H,8] x) => (float[N,3,H,8] y) { y = Relu(x) }"),
              HasSubstr("input 'x' leaves axis 2 open"));
  EXPECT_THAT(message("g () => (float[1] y) { y = Constant<value = float[1] {1.0}>() }"),
              HasSubstr("no input"));
  ModelProto shapeless = model("g (float[N,3] x) => (float[N,3] y) { y = Relu(x) }");
  shapeless.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  EXPECT_THAT(message_of([&] { describe_for_engine(shapeless); }), HasSubstr("input 'x' has no shape"));
  EXPECT_THAT(message("g (float[0,3] x) => (float[0,3] y) { y = Relu(x) }"), HasSubstr("has a side of 0"));
}

}  // namespace
}  // namespace etalon
