#include "etalon/networks/keras_layers/lower_keras_graph.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/base/error.hpp"
#include "etalon/networks/keras_layers/model_maker.hpp"
#include "etalon/onnx/graph_index.hpp"
#include "etalon/onnx/passes.hpp"

namespace etalon {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

const NodeProto& node_of(const ModelProto& model, const std::string& tensor) {
  const auto at = GraphIndex(model.graph()).producer(tensor);
  if (!at) throw std::invalid_argument("no tensor " + tensor);
  return model.graph().node(*at);
}

std::vector<std::int64_t> pads_of(const ModelProto& model, const std::string& tensor) {
  return ints_attribute(node_of(model, tensor), "pads");
}

ModelProto lowered(KerasModel model) {
  auto onnx = lower_keras_graph(std::move(model)).model;
  run_passes(onnx, deploy_passes());
  infer_shapes(onnx);  // strict: a shape that was tracked wrongly would be refused
  return onnx;
}

std::string refusal(KerasModel model) {
  try {
    lower_keras_graph(std::move(model));
  } catch (const Error& error) {
    return error.line();
  }
  return "no error";
}

TEST(LowerKerasGraph, PadsConvolutionsAsThePatchedKerasDoes) {
  ModelMaker maker({2, 16, 17});
  maker.conv("k7s2", "input_1", 2, 4, 7, 2);
  maker.conv("k2", "k7s2", 4, 4, 2);
  maker.conv("d2", "k2", 4, 4, 3).config["dilation_rate"] = {2, 2};
  maker.conv("open", "d2", 4, 4, 3).config["padding"] = "valid";
  const auto model = lowered(maker.take({"open"}));
  EXPECT_THAT(pads_of(model, "k7s2/BiasAdd"), ElementsAre(3, 3, 3, 3));
  EXPECT_THAT(pads_of(model, "k2/BiasAdd"), ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(pads_of(model, "d2/BiasAdd"), ElementsAre(2, 2, 2, 2));
  EXPECT_THAT(pads_of(model, "open/BiasAdd"), ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(shape_of(model.graph().output(0)),
            (Shape{std::nullopt, 4, 9 - 2, 10 - 2}));  // 8 x 9, one more each by k2
}

TEST(LowerKerasGraph, PadsDepthwiseConvolutionsAsTensorFlowDoes) {
  ModelMaker maker({2, 16, 17});
  maker.add("DepthwiseConv2D", "dw",
            {{"kernel_size", {3, 3}},
             {"strides", {2, 2}},
             {"padding", "same"},
             {"data_format", "channels_first"},
             {"depth_multiplier", 2},
             {"use_bias", false}},
            {"input_1"}, {{3, 3, 2, 2}});
  const auto model = lowered(maker.take({"dw"}));
  EXPECT_THAT(pads_of(model, "dw/depthwise"), ElementsAre(0, 1, 1, 1));
  EXPECT_EQ(int_attribute(node_of(model, "dw/depthwise"), "group", 0), 2);
  EXPECT_EQ(shape_of(model.graph().output(0)), (Shape{std::nullopt, 4, 8, 9}));
}

TEST(LowerKerasGraph, TurnsAConvolutionsKernelIntoOnnxOrder) {
  ModelMaker maker({2, 4, 4});
  maker.conv("conv1", "input_1", 2, 3, 1);
  const auto model = lowered(maker.take({"conv1"}));
  // (1, 1, in 2, out 3) counts up; row o of the ONNX kernel is o, o + 3
  EXPECT_THAT(float_values(model.graph().initializer(0)),
              ElementsAre(1 / 64.F, 4 / 64.F, 2 / 64.F, 5 / 64.F, 3 / 64.F, 6 / 64.F));
  EXPECT_EQ(model.graph().initializer(0).name(), "conv1/kernel");
}

json pool(std::int64_t size, std::int64_t stride) {
  return {{"pool_size", {size, size}},
          {"strides", {stride, stride}},
          {"padding", "same"},
          {"data_format", "channels_first"}};
}

TEST(LowerKerasGraph, PutsZerosBeforeAMaxPoolingWhoseInputMayBeNegative) {
  ModelMaker maker({2, 8, 8});
  maker.add("LeakyReLU", "leaky", {{"alpha", 0.1}}, {"input_1"});
  maker.add("MaxPooling2D", "pool", pool(3, 2), {"leaky"});
  const auto model = lowered(maker.take({"pool"}));
  EXPECT_EQ(node_of(model, "pool/Pad").op_type(), "Pad");
  EXPECT_THAT(pads_of(model, "pool/MaxPool"), ElementsAre(0, 0, 0, 0));
}

TEST(LowerKerasGraph, LetsAMaxPoolingPadItselfBehindARelu) {
  ModelMaker maker({2, 8, 8});
  maker.add("Activation", "relu", {{"activation", "relu"}}, {"input_1"});
  maker.add("Dropout", "dropout", {{"rate", 0.5}}, {"relu"});
  maker.add("MaxPooling2D", "pool", pool(3, 2), {"dropout"});
  const auto model = lowered(maker.take({"pool"}));
  EXPECT_EQ(model.graph().node_size(), 2);
  EXPECT_THAT(pads_of(model, "pool/MaxPool"), ElementsAre(1, 1, 1, 1));
}

TEST(LowerKerasGraph, CountsThePaddedZerosOfAnAveragePooling) {
  ModelMaker maker({2, 16, 16});
  maker.add("AveragePooling2D", "pool", pool(7, 7), {"input_1"});
  const auto model = lowered(maker.take({"pool"}));
  EXPECT_THAT(pads_of(model, "pool/AvgPool"), ElementsAre(3, 3, 3, 3));
  EXPECT_EQ(int_attribute(node_of(model, "pool/AvgPool"), "count_include_pad", 0), 1);
  EXPECT_EQ(shape_of(model.graph().output(0)), (Shape{std::nullopt, 2, 3, 3}));
}

TEST(LowerKerasGraph, FoldsABatchNormAndNamesTheConvolutionAfterIt) {
  ModelMaker maker({2, 4, 4});
  maker.conv("conv1", "input_1", 2, 3, 1);
  maker.batch_norm("bn_conv1", "conv1", 3);
  maker.add("Activation", "activation_1", {{"activation", "relu"}}, {"bn_conv1"});
  const auto model = lowered(maker.take({"activation_1"}));
  EXPECT_THAT(activation_names(model.graph()),
              ElementsAre("input_1", "bn_conv1/batchnorm/add_1", "activation_1/Relu"));
}

TEST(LowerKerasGraph, SplitsABatchNormThatNoConvolutionCanTake) {
  ModelMaker maker({2, 4, 4});
  maker.conv("conv1", "input_1", 2, 3, 1);
  maker.batch_norm("bn", "conv1", 3);
  maker.add("Add", "add_1", {}, {"conv1", "bn"});
  const auto model = lowered(maker.take({"add_1"}));
  EXPECT_THAT(activation_names(model.graph()), ElementsAre("input_1", "conv1/BiasAdd", "bn/batchnorm/mul_1",
                                                           "bn/batchnorm/add_1", "add_1/add"));
}

TEST(LowerKerasGraph, NamesTheSecondCallOfALayerAsTensorFlowDoesAndStoresItsWeightsOnce) {
  ModelMaker maker({2, 4, 4});
  auto& shared = maker.conv("conv1", "input_1", 2, 2, 3, 1, "relu");
  shared.calls.push_back({{{"conv1", 0, 0}}});
  maker.add("Add", "add_1", {}, {"conv1", "conv1"}).calls[0].inputs[1].node_index = 1;
  const auto model = lowered(maker.take({"add_1"}));
  EXPECT_THAT(activation_names(model.graph()), ElementsAre("input_1", "conv1/BiasAdd", "conv1/Relu",
                                                           "conv1_1/BiasAdd", "conv1_1/Relu", "add_1/add"));
  EXPECT_EQ(model.graph().initializer_size(), 2);
}

TEST(LowerKerasGraph, GivesARepeatedCallANumberThatNoLayerHas) {
  ModelMaker maker({2, 4, 4});
  auto& shared = maker.add("Activation", "act", {{"activation", "relu"}}, {"input_1"});
  shared.calls.push_back({{{"act_1", 0, 0}}});
  maker.add("Activation", "act_1", {{"activation", "tanh"}}, {"act"});
  auto model = maker.take({"act"});
  model.outputs[0].node_index = 1;
  EXPECT_THAT(activation_names(lowered(std::move(model)).graph()),
              ElementsAre("input_1", "act/Relu", "act_1/Tanh", "act_2/Relu"));
}

TEST(LowerKerasGraph, OpensNestedModelsUnderTheirName) {
  ModelMaker inner({2, 4, 4});
  inner.model().layers[0].name = "inner_input";
  inner.model().inputs = {{"inner_input", 0, 0}};
  inner.conv("conv1", "inner_input", 2, 2, 3);
  ModelMaker maker({2, 4, 4});
  auto& nested = maker.add("Model", "body", {}, {"input_1"});
  nested.graph = std::make_shared<KerasGraph>(inner.take({"conv1"}));
  nested.calls.push_back({{{"body", 1, 0}}});  // the calls of a nested model count from 1
  maker.add("Activation", "relu", {{"activation", "relu"}}, {"body"}).calls[0].inputs[0].node_index = 2;
  const auto model = lowered(maker.take({"relu"}));
  EXPECT_THAT(activation_names(model.graph()),
              ElementsAre("input_1", "body/conv1/BiasAdd", "body_1/conv1/BiasAdd", "relu/Relu"));
  ASSERT_EQ(model.graph().initializer_size(), 2);
  EXPECT_EQ(model.graph().initializer(0).name(), "body/conv1/kernel");
}

TEST(LowerKerasGraph, TakesTheReshapesOfASqueezeAndExciteBlockOut) {
  ModelMaker maker({3, 4, 4});
  maker.add("GlobalAveragePooling2D", "squeeze", {{"data_format", "channels_first"}}, {"input_1"});
  maker.add("Reshape", "reshape", {{"target_shape", {-1, 1, 1}}}, {"squeeze"});
  maker.conv("reduce", "reshape", 3, 2, 1, 1, "swish");
  maker.conv("expand", "reduce", 2, 3, 1, 1, "sigmoid");
  maker.add("Multiply", "excite", {}, {"input_1", "expand"});
  const auto model = lowered(maker.take({"excite"}));
  EXPECT_THAT(activation_names(model.graph()),
              ElementsAre("input_1", "squeeze/Mean", "reduce/BiasAdd", "reduce/Sigmoid", "reduce/mul_2",
                          "expand/BiasAdd", "expand/Sigmoid", "excite/mul"));
}

TEST(LowerKerasGraph, WritesAStaticBatchWhenAsked) {
  ModelMaker maker({2, 4, 4});
  maker.conv("conv1", "input_1", 2, 3, 1);
  const auto model = lower_keras_graph(maker.take({"conv1"}), {.static_batch_size = 4}).model;
  EXPECT_EQ(shape_of(model.graph().input(0)), (Shape{4, 2, 4, 4}));
  EXPECT_EQ(shape_of(model.graph().output(0)), (Shape{4, 3, 4, 4}));
}

TEST(LowerKerasGraph, SaysWhichLayerItCannotDo) {
  const auto with = [](const std::string& class_name, const json& config = {}) {
    ModelMaker maker({2, 4, 4});
    maker.add(class_name, "thing", config, {"input_1"});
    return refusal(maker.take({"thing"}));
  };
  EXPECT_THAT(with("MaxPoolng2D"), HasSubstr("is of class 'MaxPoolng2D', which is not supported, in layer "
                                             "'thing' (the nearest class that is: MaxPooling2D)"));
  EXPECT_THAT(with("Lambda"), HasSubstr("never run here"));
  EXPECT_THAT(with("QuantizedDense"), HasSubstr("only QDQ and convolutions are supported"));
  EXPECT_THAT(with("MaxPooling2D", {{"data_format", "channels_last"}}), HasSubstr("channels_last"));
  EXPECT_THAT(with("Activation", {{"activation", "swosh"}}), HasSubstr("the nearest one that is: swish"));
  EXPECT_THAT(with("Add", {{"gain", 2}}), HasSubstr("has the option 'gain'"));
}

TEST(LowerKerasGraph, SaysWhichWeightsDoNotFit) {
  ModelMaker maker({2, 4, 4});
  maker.conv("conv1", "input_1", 3, 4, 3);
  EXPECT_THAT(refusal(maker.take({"conv1"})),
              HasSubstr("'conv1/weight_0:0' has the shape [3, 3, 3, 4], expected [3, 3, 2, 4], in Conv2D, in "
                        "layer 'conv1'"));
  ModelMaker without_bias({2, 4, 4});
  without_bias.conv("conv1", "input_1", 2, 4, 3).weights.pop_back();
  EXPECT_THAT(refusal(without_bias.take({"conv1"})), HasSubstr("has 1 weights, its configuration needs 2"));
}

TEST(LowerKerasGraph, RefusesToMergeShapesThatDoNotFit) {
  ModelMaker maker({2, 4, 4});
  maker.conv("a", "input_1", 2, 4, 3, 2);
  maker.add("Add", "add_1", {}, {"input_1", "a"});
  EXPECT_THAT(refusal(maker.take({"add_1"})),
              HasSubstr("its inputs 'input_1' [2, 4, 4] and 'a/BiasAdd' [4, 2, 2] do not fit together"));
  ModelMaker concat({2, 4, 4});
  concat.conv("a", "input_1", 2, 4, 3, 2);
  concat.add("Concatenate", "concat", {{"axis", 1}}, {"input_1", "a"});
  EXPECT_THAT(refusal(concat.take({"concat"})), HasSubstr("differ in another axis than 1"));
}

TEST(LowerKerasGraph, RefusesHostileGraphs) {
  ModelMaker loop({2, 4, 4});
  loop.add("Activation", "a", {{"activation", "relu"}}, {"b"});
  loop.add("Activation", "b", {{"activation", "relu"}}, {"a"});
  EXPECT_THAT(refusal(loop.take({"b"})), HasSubstr("depends on its own output"));
  ModelMaker missing({2, 4, 4});
  missing.add("Activation", "a", {{"activation", "relu"}}, {"nowhere"});
  EXPECT_THAT(refusal(missing.take({"a"})), HasSubstr("there is no layer 'nowhere'"));
  ModelMaker twice({2, 4, 4});
  twice.add("Activation", "a", {{"activation", "relu"}}, {"input_1"});
  twice.add("Activation", "a/Relu", {{"activation", "relu"}}, {"a"});
  twice.add("Activation", "a", {{"activation", "relu"}}, {"input_1"});
  EXPECT_THAT(refusal(twice.take({"a"})), HasSubstr("two layers are named 'a'"));
  ModelMaker itself({2, 4, 4});
  EXPECT_THAT(refusal(itself.take({"input_1"})), HasSubstr("is its input, unchanged"));
  ModelMaker huge({1, 1 << 20, 1 << 20});
  huge.add("ZeroPadding2D", "pad", {{"padding", {{1 << 20, 0}, {0, 0}}}}, {"input_1"});
  EXPECT_THAT(refusal(huge.take({"pad"})), HasSubstr("its output would have the shape"));
  ModelMaker open({2, 4, 4});
  open.model().layers[0].config["batch_input_shape"] = {nullptr, 3, nullptr, nullptr};
  open.add("Activation", "a", {{"activation", "relu"}}, {"input_1"});
  EXPECT_THAT(refusal(open.take({"a"})), HasSubstr("leaves a size open"));
}

TEST(LowerKerasGraph, RefusesModelsThatMultiply) {
  // each level calls the one below twice: 2^20 layers in a file of 20
  auto graph = std::make_shared<KerasGraph>();
  ModelMaker leaf({2, 4, 4});
  leaf.add("Activation", "a", {{"activation", "relu"}}, {"input_1"});
  *graph = leaf.take({"a"});
  for (int level = 0; level < 20; ++level) {
    ModelMaker maker({2, 4, 4});
    auto& nested = maker.add("Model", "m", {}, {"input_1"});
    nested.graph = graph;
    nested.calls.push_back({{{"m", 1, 0}}});
    auto outer = maker.take({"m"});
    outer.outputs[0].node_index = 2;
    graph = std::make_shared<KerasGraph>(std::move(outer));
  }
  KerasModel model;
  static_cast<KerasGraph&>(model) = *graph;
  EXPECT_THAT(refusal(std::move(model)), HasSubstr("nested more than"));
}

}  // namespace
}  // namespace etalon
