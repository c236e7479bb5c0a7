#include "etalon/calibration/cache_scales.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

// input_1 -> conv1 (folded) -> relu -> pool -> conv2
ModelProto network() {
  auto model =
      parse_model(R"(<ir_version: 7, opset_import: ["" : 13]> g (float[N,1,8,8] input_1) => (float out) {
    a = Conv(input_1, w)
    r = Relu(a)
    p = MaxPool<kernel_shape = [2,2], strides = [2,2]>(r)
    out = Conv(p, w)
  })");
  add_floats(model, "w", {1, 1, 1, 1}, {1});
  auto& graph = *model.mutable_graph();
  const auto rename = [&](const std::string& from, const std::string& to) {
    for (auto& node : *graph.mutable_node()) {
      for (auto& name : *node.mutable_input())
        if (name == from) name = to;
      for (auto& name : *node.mutable_output())
        if (name == from) name = to;
    }
  };
  rename("a", "bn_conv1/batchnorm/add_1");
  rename("r", "activation_1/Relu");
  rename("p", "max_pooling2d_1/MaxPool");
  graph.mutable_node(0)->set_name("conv1");
  return model;
}

CalibrationCache cache_of(std::initializer_list<CacheLine> lines) {
  return {"TRT-7000-EntropyCalibration2", {lines.begin(), lines.end()}};
}

TEST(CacheScales, MatchesExactlyAndWithOrWithoutTheIndex) {
  const auto found = cache_scales(cache_of({{"input_1:0", 1}, {"activation_1/Relu", 2}}), network());
  EXPECT_EQ(found.scales.at("input_1"), 1);
  EXPECT_EQ(found.scales.at("activation_1/Relu"), 2);
  EXPECT_THAT(found.spelt_otherwise, ElementsAre(Pair("input_1", "input_1:0")));
  EXPECT_THAT(found.missing, ElementsAre("bn_conv1/batchnorm/add_1", "out"));
}

TEST(CacheScales, AnExactNameWinsOverTheOtherSpelling) {
  const auto found = cache_scales(cache_of({{"input_1:0", 1}, {"input_1", 3}}), network());
  EXPECT_EQ(found.scales.at("input_1"), 3);
}

TEST(CacheScales, APoolWithoutALineHasItsInputsScale) {
  const auto found = cache_scales(cache_of({{"activation_1/Relu", 2}}), network());
  EXPECT_THAT(found.inherited, ElementsAre(Pair("max_pooling2d_1/MaxPool", "activation_1/Relu")));
  EXPECT_EQ(found.scales.at("max_pooling2d_1/MaxPool"), 2);
}

TEST(CacheScales, SortsWhatNamesNoTensor) {
  const auto found = cache_scales(cache_of({{"conv1/convolution", 1},
                                            {"conv1/BiasAdd:0", 1},
                                            {"bn_conv1/batchnorm/mul_1", 1},
                                            {"(Unnamed Layer* 9) [Constant]_output", 1},
                                            {"resnet_model/Relu", 1},
                                            {"conv7/convolution", 1}}),
                                  network());
  EXPECT_THAT(found.scales, IsEmpty());
  EXPECT_THAT(found.absorbed,
              ElementsAre("conv1/convolution", "conv1/BiasAdd:0", "bn_conv1/batchnorm/mul_1"));
  EXPECT_THAT(found.unnamed, ElementsAre("(Unnamed Layer* 9) [Constant]_output"));
  EXPECT_THAT(found.foreign, ElementsAre("resnet_model/Relu", "conv7/convolution"));
}

}  // namespace
}  // namespace etalon
