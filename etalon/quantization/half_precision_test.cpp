#include "etalon/quantization/half_precision.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/base/error.hpp"
#include "etalon/base/half.hpp"
#include "etalon/onnx/onnx_text.hpp"
#include "etalon/quantization/explicit_int8.hpp"

namespace etalon {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

ModelProto graph_of(const std::string& text) {
  return parse_model(R"(<ir_version: 7, opset_import: ["" : 13]> g )" + text);
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
const TensorProto* initializer(const ModelProto& model, const std::string& name) {
  for (const auto& tensor : model.graph().initializer())
    if (tensor.name() == name) return &tensor;
  return nullptr;
}
std::vector<std::string> kept(const HalfPrecision& made) {
  std::vector<std::string> lines;
  for (const auto& [layer, reason] : made.kept_float) lines.push_back(layer + ": " + reason);
  return lines;
}
HalfPrecision halved(const ModelProto& model, const HalfOptions& options = {}) {
  HalfPrecision made = make_half_precision(model, options);
  EXPECT_NO_THROW(check_onnx(made.model));
  for (const auto& ends : {made.model.graph().input(), made.model.graph().output()})
    for (const auto& end : ends) EXPECT_NE(end.type().tensor_type().elem_type(), TensorProto::FLOAT16);
  return made;
}

TEST(HalfPrecision, CastsOnceAtEachEndAndNowhereBetween) {
  auto model = graph_of(
      "(float[1,1,2,2] x) => (float[1,1,2,2] y, float[1,1,2,2] r) { a = Conv(x, w, b) r = Relu(a)"
      " c = Conv(x, w) d = Add(r, c) y = Sigmoid(d) }");
  add_floats(model, "w", {1, 1, 1, 1}, {0.1F});
  add_floats(model, "b", {1}, {2049.0F});
  auto& noted = *model.mutable_graph()->add_value_info();
  noted = model.graph().output(0);
  noted.set_name("a");
  const auto made = halved(model);
  EXPECT_THAT(node_lines(made.model),
              ElementsAre("x/half = Cast x", "a = Conv x/half w b", "r/half = Relu a", "r = Cast r/half",
                          "c = Conv x/half w", "d = Add r/half c", "y/half = Sigmoid d", "y = Cast y/half"));
  EXPECT_THAT(made.kept_float, IsEmpty());
  // NumPy: np.float16(0.1).view('uint16') == 0x2e66; 2049 lies between two halves, the even one is 2048.
  EXPECT_EQ(initializer(made.model, "w")->data_type(), TensorProto::FLOAT16);
  EXPECT_EQ(initializer(made.model, "w")->raw_data(), std::string("\x66\x2e", 2));
  EXPECT_EQ(float_values(*initializer(made.model, "b")), std::vector<float>{2048.0F});
  EXPECT_EQ(made.model.graph().value_info(0).type().tensor_type().elem_type(), TensorProto::FLOAT16);
  EXPECT_EQ(opset_of(made.model), 13);
}

TEST(HalfPrecision, KeepsWhatOverflowsInFloat) {
  auto model = graph_of(
      "(float[1,4] x) => (float[1,4] y) { a = Relu(x) e = Exp(a) s = ReduceSum<keepdims = 1>(e)"
      " d = Div(e, s) m = Softmax(d) y = Relu(m) }");
  const auto made = halved(model);
  EXPECT_THAT(node_lines(made.model),
              ElementsAre("x/half = Cast x", "a = Relu x/half", "a/float = Cast a", "e = Exp a/float",
                          "s = ReduceSum e", "d = Div e s", "m = Softmax d", "m/half = Cast m",
                          "y/half = Relu m/half", "y = Cast y/half"));
  EXPECT_THAT(kept(made), ElementsAre("e: exponentials overflow", "s: sums overflow", "d: quotients overflow",
                                      "m: exponentials overflow"));
}

TEST(HalfPrecision, MovesValuesInTheTypeTheyHave) {
  auto model = graph_of(
      "(float[2,2] x) => (float[2,2] y, float[2,2] z) { t = Transpose(x) e = Exp(t) y = Transpose(e)"
      " r = Relu(t) z = Transpose(r) }");
  EXPECT_THAT(node_lines(halved(model).model),
              ElementsAre("t = Transpose x", "e = Exp t", "y = Transpose e", "t/half = Cast t",
                          "r = Relu t/half", "z/half = Transpose r", "z = Cast z/half"));
}

TEST(HalfPrecision, LeavesAResizesScalesInFloat) {
  auto model = graph_of("(float[1,1,2,2] x) => (float[1,1,4,4] y) { r = Relu(x) y = Resize(r, , s) }");
  add_floats(model, "s", {4}, {1, 1, 2, 2});
  const auto made = halved(model);
  EXPECT_THAT(node_lines(made.model), Contains("y/half = Resize r  s"));
  EXPECT_EQ(initializer(made.model, "s")->data_type(), TensorProto::FLOAT);
}

TEST(HalfPrecision, KeepsAConstantInBothFormsWhereBothAreRead) {
  auto model = graph_of("(float[2] x) => (float[2] y, float[2] z) { y = Add(x, c) z = Div(x, c) }");
  add_floats(model, "c", {2}, {1, 3});
  const auto made = halved(model);
  EXPECT_THAT(node_lines(made.model), IsSupersetOf({"y/half = Add x/half c/half", "z = Div x c"}));
  EXPECT_EQ(initializer(made.model, "c")->data_type(), TensorProto::FLOAT);
  EXPECT_EQ(initializer(made.model, "c/half")->data_type(), TensorProto::FLOAT16);
}

TEST(HalfPrecision, KeepsLayersInFloatWhoseConstantsDoNotFit) {
  auto model =
      graph_of("(float[2] x) => (float[2] y) { a = Mul(x, huge) b = Add(a, least) y = Add(b, some) }");
  add_floats(model, "huge", {1}, {65505.0F});
  add_floats(model, "least", {1}, {1e-12F});           // would be 0, and a division by it infinite
  add_floats(model, "some", {2}, {1e-12F, 65504.0F});  // one that vanishes among others is nothing
  const auto made = halved(model);
  EXPECT_THAT(kept(made), ElementsAre("a: its constant 'huge' does not fit half precision",
                                      "b: its constant 'least' does not fit half precision"));
  EXPECT_EQ(initializer(made.model, "huge")->data_type(), TensorProto::FLOAT);
  EXPECT_EQ(initializer(made.model, "some")->data_type(), TensorProto::FLOAT16);
}

TEST(HalfPrecision, KeepsTensorsInFloatWhoseRangeComesNearTheEnd) {
  auto model = graph_of("(float[2] x) => (float[2] y) { a = Relu(x) b = Relu(a) c = Relu(b) y = Relu(c) }");
  const auto made = halved(model, {.ranges = {{"b", 40000.0F}, {"c", 100.0F}}});
  EXPECT_THAT(kept(made), ElementsAre("b: 'b' comes near the largest half float",
                                      "c: 'b' comes near the largest half float"));
  EXPECT_THAT(node_lines(made.model),
              IsSupersetOf({"a/float = Cast a", "b = Relu a/float", "c = Relu b", "c/half = Cast c"}));
}

TEST(HalfPrecision, KeepsNamedStagesInFloat) {
  auto model =
      graph_of("(float[2] x) => (float[2] y) { a = Relu(x) b = Add(a, a) c = Mul(b, b) y = Relu(c) }");
  model.mutable_graph()->mutable_node(1)->set_output(0, "boxes/sum");
  model.mutable_graph()->mutable_node(2)->set_input(0, "boxes/sum");
  model.mutable_graph()->mutable_node(2)->set_input(1, "boxes/sum");
  const auto made = halved(model, {.keep_float = {"boxes/", "c"}});
  EXPECT_THAT(node_lines(made.model), IsSupersetOf({"boxes/sum = Add a/float a/float",
                                                    "c = Mul boxes/sum boxes/sum", "c/half = Cast c"}));
}

TEST(HalfPrecision, GivesPluginsFloats) {
  auto model = graph_of(
      "(float[2] x) => (float[2] y) { a = Relu(x) b = Sieve_TRT<plugin_version = \"1\">(a) y = Relu(b) }");
  const auto made = halved(model);
  EXPECT_THAT(node_lines(made.model), IsSupersetOf({"b = Sieve_TRT a/float", "y/half = Relu b/half"}));
  EXPECT_THAT(kept(made), ElementsAre("b: a plugin reads and makes float32"));
}

TEST(HalfPrecision, LeavesIntegersAlone) {
  auto model = graph_of(
      "(float[2,3] x) => (int64[2] n, float[2,3] y) { r = Relu(x) n = Shape(r) i = ArgMax<axis = 1>(r)"
      " f = Cast<to = 1>(i) y = Mul(r, f) }");
  const auto made = halved(model);
  EXPECT_THAT(node_lines(made.model), IsSupersetOf({"n = Shape r", "i = ArgMax r/float", "f = Cast i",
                                                    "f/half = Cast f", "y/half = Mul r f/half"}));
}

ModelProto int8_model(float smallest_weight = 0.5F) {
  auto model =
      graph_of("(float[1,2,2,2] x) => (float[1,2,2,2] y) { a = Conv(x, w, b) r = Relu(a) y = Conv(r, v) }");
  add_floats(model, "w", {2, 2, 1, 1}, {0.5F, 1.0F, 0.25F, smallest_weight});
  add_floats(model, "b", {2}, {0.5F, 1.0F});
  add_floats(model, "v", {2, 2, 1, 1}, {smallest_weight, smallest_weight / 2, 0.25F, 0.5F});
  return make_explicit_int8(model, {.scales = {{"x", 0.1F}, {"r", 0.2F}}}).model;
}

TEST(HalfPrecision, MakesTheScalesOfAnInt8ModelHalvesInOpset19) {
  const auto made = halved(int8_model());
  EXPECT_EQ(opset_of(made.model), 19);
  EXPECT_THAT(node_lines(made.model),
              ElementsAre("x/half = Cast x", "x/quantized = QuantizeLinear x/half x/scale int8/zero_point",
                          "x/dequantized = DequantizeLinear x/quantized x/scale int8/zero_point",
                          "w/dequantized = DequantizeLinear w/int8 w/scale int8/zero_points_2",
                          "a = Conv x/dequantized w/dequantized b", "r = Relu a",
                          "r/quantized = QuantizeLinear r r/scale int8/zero_point",
                          "r/dequantized = DequantizeLinear r/quantized r/scale int8/zero_point",
                          "v/dequantized = DequantizeLinear v/int8 v/scale int8/zero_points_2",
                          "y/half = Conv r/dequantized v/dequantized", "y = Cast y/half"));
  for (const char* name : {"x/scale", "w/scale", "r/scale", "v/scale", "b"})
    EXPECT_EQ(initializer(made.model, name)->data_type(), TensorProto::FLOAT16) << name;
  EXPECT_THAT(kept(made), IsEmpty());
  const auto scales = activation_scales(made.model);
  ASSERT_EQ(scales.size(), 2U);
  EXPECT_EQ(scales[0], (std::pair<std::string, float>("x", rounded_to_half(0.1F))));
  EXPECT_EQ(scales[1].first, "r");
}

TEST(HalfPrecision, ComputesInFloatAroundIntegersWhoseScaleIsTooSmall) {
  const auto made = halved(int8_model(0.0001F));  // a step of 8e-7 has 3 bits in half precision
  EXPECT_THAT(kept(made), ElementsAre("y: the scale of 'v/dequantized' is too small for half precision"));
  EXPECT_THAT(node_lines(made.model),
              IsSupersetOf({"r/dequantized = DequantizeLinear r/quantized r/scale int8/zero_point",
                            "v/dequantized = DequantizeLinear v/int8 v/scale int8/zero_points_2",
                            "y = Conv r/dequantized v/dequantized"}));
  // r is rounded in half precision and comes back in float32, without a Cast between its integers and the
  // layer.
  EXPECT_EQ(initializer(made.model, "v/scale")->data_type(), TensorProto::FLOAT);
  EXPECT_EQ(initializer(made.model, "r/scale")->data_type(), TensorProto::FLOAT);
  EXPECT_EQ(initializer(made.model, "r/scale/half")->data_type(), TensorProto::FLOAT16);
}

TEST(HalfPrecision, RefusesWhatItCannotConvert) {
  const auto said = [](const ModelProto& model) {
    try {
      make_half_precision(model);
    } catch (const Error& error) {
      return error.line();
    }
    return std::string("none");
  };
  auto model = graph_of("(float[2] x) => (float[2] y) { y = Add(x, c) }");
  add_floats(model, "c", {2}, {1, 3});
  auto old = model;
  old.mutable_opset_import(0)->set_version(8);
  EXPECT_THAT(said(old), HasSubstr("opset 8, half precision needs 9 or later"));
  EXPECT_THAT(said(make_half_precision(model).model), HasSubstr("half floats already"));
  auto nested = model;
  nested.mutable_graph()->mutable_node(0)->add_attribute()->mutable_g();
  EXPECT_THAT(said(nested), HasSubstr("has a graph inside"));
  auto cut = model;
  cut.mutable_graph()->mutable_initializer(0)->add_float_data(1);
  EXPECT_THAT(said(cut), HasSubstr("'c' holds 3"));
  auto holes = int8_model();
  for (auto& node : *holes.mutable_graph()->mutable_node()) node.clear_input();
  EXPECT_EQ(said(holes), "none");
}

}  // namespace
}  // namespace etalon
