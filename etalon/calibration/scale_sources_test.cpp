#include <gtest/gtest.h>

#include "etalon/calibration/calibrate.hpp"
#include "etalon/runtime/small_network.hpp"

namespace etalon {
namespace {

TEST(ScaleSources, WhatMovesValuesTakesItsInputsScale) {
  ModelProto model = test_model("x", {-1, 4, 8, 8});
  GraphProto& graph = *model.mutable_graph();
  add_test_node(graph, "Relu", {"x"}, "relu");
  set_test_ints(add_test_node(graph, "MaxPool", {"relu"}, "pool"), "kernel_shape", {2, 2});
  add_test_node(graph, "Transpose", {"pool"}, "transpose");
  add_test_node(graph, "Flatten", {"transpose"}, "flat");
  set_test_ints(add_test_node(graph, "AveragePool", {"relu"}, "average"), "kernel_shape", {2, 2});
  add_test_node(graph, "Sigmoid", {"flat"}, "sigmoid");
  const std::map<std::string, std::string> expected{{"x", "x"},       {"relu", "relu"},       {"pool", "relu"},      {"transpose", "relu"},
                                                    {"flat", "relu"}, {"average", "average"}, {"sigmoid", "sigmoid"}};
  EXPECT_EQ(scale_sources(model), expected);
}

TEST(ScaleSources, OnlyNearestResizeTakesItsInputsScale) {
  ModelProto model = test_model("x", {-1, 4, 8, 8});
  GraphProto& graph = *model.mutable_graph();
  add_test_weights(graph, "scales", {4}, 1);
  const auto resize = [&](const char* output, const char* mode) {
    NodeProto& node = add_test_node(graph, "Resize", {"x", "", "scales"}, output);
    if (!mode) return;
    AttributeProto& attribute = *node.add_attribute();
    attribute.set_name("mode");
    attribute.set_type(AttributeProto::STRING);
    attribute.set_s(mode);
  };
  resize("nearest", "nearest");
  resize("default", nullptr);
  resize("linear", "linear");
  const auto sources = scale_sources(model);
  EXPECT_EQ(sources.at("nearest"), "x");
  EXPECT_EQ(sources.at("default"), "x");
  EXPECT_EQ(sources.at("linear"), "linear");
}

// NVIDIA's ssd table: loc_reshape_* = mbox_loc/concat, the transposes before them have their own.
TEST(ScaleSources, AConcatDecidesForItsDirectInputsOnly) {
  ModelProto model = test_model("x", {-1, 4, 8, 8});
  GraphProto& graph = *model.mutable_graph();
  for (const std::string i : {"1", "2"}) {
    add_test_node(graph, "Relu", {"x"}, "conv_" + i);
    add_test_node(graph, "Transpose", {"conv_" + i}, "permute_" + i);
    add_test_node(graph, "Reshape", {"permute_" + i, "shape"}, "reshape_" + i);
  }
  add_test_node(graph, "Concat", {"reshape_1", "reshape_2"}, "concat");
  add_test_node(graph, "Reshape", {"concat", "shape"}, "after");
  add_test_weights(graph, "shape", {2}, 1);
  const std::map<std::string, std::string> expected{
      {"x", "x"},           {"conv_1", "conv_1"},    {"conv_2", "conv_2"},    {"permute_1", "conv_1"}, {"permute_2", "conv_2"},
      {"concat", "concat"}, {"reshape_1", "concat"}, {"reshape_2", "concat"}, {"after", "concat"}};
  EXPECT_EQ(scale_sources(model), expected);
}

TEST(ScaleSources, AConcatOfAConcatDecidesForBoth) {
  ModelProto model = test_model("x", {-1, 4});
  GraphProto& graph = *model.mutable_graph();
  add_test_node(graph, "Relu", {"x"}, "a");
  add_test_node(graph, "Sigmoid", {"x"}, "b");
  add_test_node(graph, "Concat", {"a", "b"}, "inner");
  add_test_node(graph, "Tanh", {"x"}, "c");
  add_test_node(graph, "Concat", {"inner", "c"}, "outer");
  const auto sources = scale_sources(model);
  for (const char* name : {"a", "b", "c", "inner", "outer"}) EXPECT_EQ(sources.at(name), "outer") << name;
}

TEST(ScaleSources, ATensorInTwoConcatsFollowsTheFirst) {
  ModelProto model = test_model("x", {-1, 4});
  GraphProto& graph = *model.mutable_graph();
  add_test_node(graph, "Relu", {"x"}, "a");
  add_test_node(graph, "Sigmoid", {"x"}, "b");
  add_test_node(graph, "Concat", {"a", "b"}, "first");
  add_test_node(graph, "Concat", {"a", "x"}, "second");
  const auto sources = scale_sources(model);
  EXPECT_EQ(sources.at("a"), "first");
  EXPECT_EQ(sources.at("second"), "second");
  EXPECT_EQ(sources.at("x"), "x") << "an input of the network decides for itself";
}

}  // namespace
}  // namespace etalon
