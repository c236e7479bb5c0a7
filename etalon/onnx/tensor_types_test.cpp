#include "etalon/onnx/tensor_types.hpp"

#include <gtest/gtest.h>

#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

TEST(TensorTypes, FollowsTheOperators) {
  const auto model =
      parse_model(R"(<ir_version: 7, opset_import: ["" : 13]> g (float[2,4] x, int64[1] k) => (float[2,4] y) {
    shape = Shape(x)  best, places = TopK(x, k)  above = Greater(x, best)  y = Where(above, x, best)
    whole = Cast<to = 6>(x)  again = Identity(whole)  pooled, mask = MaxPool<kernel_shape = [1]>(x)
    zeros = ConstantOfShape(shape)  plugin = Sieve_TRT<plugin_version = "1">(whole) })");
  const auto types = tensor_types(model.graph());
  const auto is = [&](const char* name, int type) { EXPECT_EQ(types.at(name), type) << name; };
  is("x", TensorProto::FLOAT);
  is("shape", TensorProto::INT64);
  is("best", TensorProto::FLOAT);
  is("places", TensorProto::INT64);
  is("above", TensorProto::BOOL);
  is("y", TensorProto::FLOAT);
  is("whole", TensorProto::INT32);
  is("again", TensorProto::INT32);
  is("pooled", TensorProto::FLOAT);
  is("mask", TensorProto::INT64);
  is("zeros", TensorProto::FLOAT);
  is("plugin", TensorProto::FLOAT);
}

TEST(TensorTypes, SurvivesMissingInputs) {
  GraphProto graph;
  for (const char* op : {"Where", "Relu", "Cast", "DequantizeLinear", "Loop", "Constant"}) {
    auto& node = *graph.add_node();
    node.set_op_type(op);
    node.add_output(op);
  }
  for (const auto& [name, type] : tensor_types(graph)) EXPECT_EQ(type, TensorProto::UNDEFINED) << name;
}

}  // namespace
}  // namespace etalon
