#include "etalon/quantization/floating_form.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

using ::testing::ElementsAre;

ModelProto rounded_and_back() {
  ModelProto model = parse_model(R"(
    <ir_version: 7, opset_import: ["" : 13]>
    g (float[1,2] x) => (float[1,2] y) {
      q = QuantizeLinear(x, s, z)
      y = DequantizeLinear(q, s, z)
    })");
  add_floats(model, "s", {}, {0.5F});
  return model;
}

TensorProto& add_whole(ModelProto& model, const std::string& name, TensorProto::DataType type,
                       std::initializer_list<std::int64_t> dims, std::initializer_list<int> values) {
  TensorProto& tensor = *model.mutable_graph()->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(type);
  for (const auto dim : dims) tensor.add_dims(dim);
  for (const int value : values) tensor.add_int32_data(value);
  return tensor;
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

std::vector<float> numbers(const ModelProto& model, const std::string& name) {
  for (const auto& tensor : model.graph().initializer())
    if (tensor.name() == name) return float_values(tensor);
  ADD_FAILURE() << "no initializer " << name;
  return {};
}

std::string error_of(const ModelProto& model) {
  try {
    floating_form(model);
  } catch (const Error& error) {
    return error.line();
  }
  return "no error";
}

TEST(FloatingForm, LeavesAModelWithoutQuantizationAsItIs) {
  ModelProto model = parse_model(R"(
    <ir_version: 7, opset_import: ["" : 9]> g (float[1,2] x) => (float[1,2] y) { y = Relu(x) })");
  EXPECT_EQ(floating_form(model).SerializeAsString(), model.SerializeAsString());
}

TEST(FloatingForm, KeepsTheNamesOfTensors) {
  ModelProto model = rounded_and_back();
  add_whole(model, "z", TensorProto::INT8, {}, {0});
  const ModelProto plain = floating_form(model);
  EXPECT_THAT(node_lines(plain), ElementsAre("q/steps = Div x q/step", "q/rounded = Round q/steps",
                                             "q = Clip q/rounded q/lowest q/highest", "y = Mul q y/step"));
  EXPECT_THAT(numbers(plain, "q/lowest"), ElementsAre(-128));
  EXPECT_THAT(numbers(plain, "q/highest"), ElementsAre(127));
  EXPECT_EQ(plain.graph().initializer_size(), 4) << "the old constants are gone";
  EXPECT_NO_THROW(check_onnx(plain));
}

TEST(FloatingForm, MovesByAZeroPoint) {
  ModelProto model = rounded_and_back();
  add_whole(model, "z", TensorProto::UINT8, {}, {7});
  const ModelProto plain = floating_form(model);
  EXPECT_THAT(
      node_lines(plain),
      ElementsAre("q/steps = Div x q/step", "q/rounded = Round q/steps", "q/moved = Add q/rounded q/zero",
                  "q = Clip q/moved q/lowest q/highest", "y/steps = Sub q y/zero", "y = Mul y/steps y/step"));
  EXPECT_THAT(numbers(plain, "q/zero"), ElementsAre(7));
  EXPECT_THAT(numbers(plain, "q/highest"), ElementsAre(255));
  EXPECT_NO_THROW(check_onnx(plain));
}

TEST(FloatingForm, ComputesConstantsWithOneScaleAChannel) {
  ModelProto model = parse_model(R"(
    <ir_version: 7, opset_import: ["" : 13]>
    g (float[1,1,2,2] x) => (float[1,2,2,2] y) {
      w = DequantizeLinear<axis = -4>(i, s, z)
      y = Conv(x, w)
    })");
  add_floats(model, "s", {2}, {0.5F, 2});
  add_whole(model, "i", TensorProto::INT8, {2, 1, 1, 1}, {-3, 127});
  add_whole(model, "z", TensorProto::INT8, {2}, {0, 1});
  const ModelProto plain = floating_form(model);
  EXPECT_THAT(node_lines(plain), ElementsAre("y = Conv x w"));
  EXPECT_THAT(numbers(plain, "w"), ElementsAre(-1.5F, 252));
  EXPECT_EQ(plain.graph().initializer_size(), 1);
  EXPECT_NO_THROW(check_onnx(plain));
}

TEST(FloatingForm, MakesNamesThatTheModelDoesNotHave) {
  ModelProto model = rounded_and_back();
  add_whole(model, "z", TensorProto::INT8, {}, {0});
  add_floats(model, "q/steps", {}, {1});
  EXPECT_EQ(node_lines(floating_form(model))[0], "q/steps/again = Div x q/step");
}

TEST(FloatingForm, TellsWhatItCannotCompute) {
  struct Broken {
    const char* what;
    void (*damage)(ModelProto&);
    const char* message;
  };
  const Broken broken[] = {
      {"scale of 0", [](ModelProto& m) { m.mutable_graph()->mutable_initializer(0)->set_float_data(0, 0); },
       "its scale is 0, expected a positive number, in QuantizeLinear ''"},
      {"scale that is no number",
       [](ModelProto& m) {
         m.mutable_graph()->mutable_initializer(0)->set_float_data(0,
                                                                   std::numeric_limits<float>::quiet_NaN());
       },
       "its scale is nan, expected a positive number, in QuantizeLinear ''"},
      {"empty scale",
       [](ModelProto& m) {
         auto& scale = *m.mutable_graph()->mutable_initializer(0);
         scale.clear_float_data();
         scale.add_dims(0);
       },
       "its scale is empty, in QuantizeLinear ''"},
      {"two scales for what is computed",
       [](ModelProto& m) {
         auto& scale = *m.mutable_graph()->mutable_initializer(0);
         scale.add_dims(2);
         scale.add_float_data(1);
         auto& zero = *m.mutable_graph()->mutable_initializer(1);
         zero.add_dims(2);
         zero.add_int32_data(0);
       },
       "'x' has 2 scales, expected one, in QuantizeLinear ''"},
      {"more zero points than scales",
       [](ModelProto& m) {
         m.mutable_graph()->mutable_initializer(1)->add_dims(2);
         m.mutable_graph()->mutable_initializer(1)->add_int32_data(0);
       },
       "it has 1 scales and 2 zero points, in QuantizeLinear ''"},
      {"zero point without numbers",
       [](ModelProto& m) { m.mutable_graph()->mutable_initializer(1)->clear_int32_data(); },
       "initializer 'z' does not have as many numbers as its shape says, in QuantizeLinear ''"},
      {"zero point shorter than its shape",
       [](ModelProto& m) {
         auto& zero = *m.mutable_graph()->mutable_initializer(1);
         zero.set_raw_data("");
       },
       "initializer 'z' does not have as many numbers as its shape says, in QuantizeLinear ''"},
      {"scale that is computed", [](ModelProto& m) { m.mutable_graph()->mutable_node(0)->set_input(1, "x"); },
       "its scale 'x' is no constant, in QuantizeLinear ''"},
      {"no scale",
       [](ModelProto& m) {
         m.mutable_graph()->mutable_node(0)->mutable_input()->RemoveLast();
         m.mutable_graph()->mutable_node(0)->mutable_input()->RemoveLast();
       },
       "it has 1 inputs and 1 outputs, in QuantizeLinear ''"},
      {"steps of 4 bits",
       [](ModelProto& m) { m.mutable_graph()->mutable_initializer(1)->set_data_type(TensorProto::BOOL); },
       "it rounds to other steps than those of 8 or 16 bits, in QuantizeLinear ''"},
      {"integers from outside", [](ModelProto& m) { m.mutable_graph()->mutable_node(1)->set_input(0, "x"); },
       "it dequantises the network's input, in DequantizeLinear ''"},
      {"old operators", [](ModelProto& m) { m.mutable_opset_import(0)->set_version(10); },
       "the model has opset 10, computing INT8 in floating point needs 11 or later"},
      {"blocks",
       [](ModelProto& m) {
         auto& attribute = *m.mutable_graph()->mutable_node(0)->add_attribute();
         attribute.set_name("block_size");
         attribute.set_type(AttributeProto::INT);
         attribute.set_i(16);
       },
       "it has one scale a block, expected one a channel or one in all, in QuantizeLinear ''"},
  };
  for (const Broken& one : broken) {
    ModelProto model = rounded_and_back();
    add_whole(model, "z", TensorProto::INT8, {}, {0});
    one.damage(model);
    EXPECT_EQ(error_of(model), one.message) << one.what;
  }
}

TEST(FloatingForm, RefusesScalesThatDoNotFitTheirAxis) {
  for (const std::int64_t axis : {-5, 1, 4, std::numeric_limits<int>::max()}) {
    ModelProto model = parse_model(R"(
      <ir_version: 7, opset_import: ["" : 13]>
      g (float[1,1,2,2] x) => (float[1,2,2,2] y) { w = DequantizeLinear(i, s)  y = Conv(x, w) })");
    add_floats(model, "s", {2}, {0.5F, 2});
    add_whole(model, "i", TensorProto::INT8, {2, 1, 1, 1}, {-3, 127});
    auto& attribute = *model.mutable_graph()->mutable_node(0)->add_attribute();
    attribute.set_name("axis");
    attribute.set_type(AttributeProto::INT);
    attribute.set_i(axis);
    EXPECT_EQ(error_of(model),
              "its 2 scales do not fit axis " + std::to_string(axis) + " of 'i', in DequantizeLinear ''");
  }
}

}  // namespace
}  // namespace etalon
