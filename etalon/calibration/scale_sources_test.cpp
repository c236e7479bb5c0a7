#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "etalon/calibration/scale_sources.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"
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
  const std::map<std::string, std::string> expected{
      {"x", "x"},       {"relu", "relu"},       {"pool", "relu"},      {"transpose", "relu"},
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
  const std::map<std::string, std::string> expected{{"x", "x"},
                                                    {"conv_1", "conv_1"},
                                                    {"conv_2", "conv_2"},
                                                    {"permute_1", "conv_1"},
                                                    {"permute_2", "conv_2"},
                                                    {"concat", "concat"},
                                                    {"reshape_1", "concat"},
                                                    {"reshape_2", "concat"},
                                                    {"after", "concat"}};
  EXPECT_EQ(scale_sources(model), expected);
}

// encoded_detections in NVIDIA's yolov3 table.
TEST(ScaleSources, AConcatOfAConcatDecidesForItsDirectInputsOnly) {
  ModelProto model = test_model("x", {-1, 4});
  GraphProto& graph = *model.mutable_graph();
  add_test_node(graph, "Relu", {"x"}, "a");
  add_test_node(graph, "Sigmoid", {"x"}, "b");
  add_test_node(graph, "Concat", {"a", "b"}, "inner");
  add_test_node(graph, "Reshape", {"inner", "shape"}, "moved");
  add_test_node(graph, "Tanh", {"x"}, "c");
  add_test_node(graph, "Concat", {"inner", "c"}, "outer");
  add_test_weights(graph, "shape", {2}, 1);
  const std::map<std::string, std::string> expected{{"x", "x"},         {"a", "inner"},     {"b", "inner"},
                                                    {"inner", "outer"}, {"moved", "outer"}, {"c", "outer"},
                                                    {"outer", "outer"}};
  EXPECT_EQ(scale_sources(model), expected);
}

// conv_4_conv_3 in NVIDIA's yolov4-tiny table.
TEST(ScaleSources, ATensorInTwoConcatsFollowsTheLast) {
  ModelProto model = test_model("x", {-1, 4});
  GraphProto& graph = *model.mutable_graph();
  add_test_node(graph, "Relu", {"x"}, "a");
  add_test_node(graph, "Sigmoid", {"x"}, "b");
  add_test_node(graph, "Concat", {"a", "b"}, "first");
  add_test_node(graph, "Concat", {"a", "x"}, "last");
  const auto sources = scale_sources(model);
  EXPECT_EQ(sources.at("a"), "last");
  EXPECT_EQ(sources.at("b"), "first");
  EXPECT_EQ(sources.at("last"), "last");
  EXPECT_EQ(sources.at("x"), "x") << "an input of the network decides for itself";
}

TEST(ScaleSources, ASliceDecidesForItself) {
  ModelProto model = test_model("x", {-1, 4});
  GraphProto& graph = *model.mutable_graph();
  add_test_node(graph, "Relu", {"x"}, "a");
  add_test_node(graph, "Slice", {"a"}, "slice");
  add_test_node(graph, "Split", {"a"}, "half");
  EXPECT_EQ(scale_sources(model).at("slice"), "slice");
  EXPECT_EQ(scale_sources(model).at("half"), "half");
}

struct Node {
  const char* type;
  std::vector<std::string> inputs;
  std::string output;
};

// Parts of networks whose tables NVIDIA published, rebuilt from the tensors' names and the architectures;
// tensors that no node makes are activations.
struct TableOfNvidia {
  const char* file;
  std::vector<Node> nodes;
};

std::vector<TableOfNvidia> tables_of_nvidia() {
  TableOfNvidia ssd{"ssd_resnet18_trt7000.cal", {}};
  for (const std::string head : {"loc", "conf"}) {
    std::vector<std::string> parts;
    for (int i = 0; i < 6; ++i) {
      const std::string permute =
                            "permute_" + std::to_string((head == "loc" ? 26 : 25) + 2 * i) + "/transpose",
                        reshape = head + "_reshape_" + std::to_string(i) + "/Reshape";
      ssd.nodes.push_back({"Transpose", {"ssd_" + head + "_" + std::to_string(i) + "/BiasAdd"}, permute});
      ssd.nodes.push_back({"Reshape", {permute}, reshape});
      parts.push_back(reshape);
    }
    ssd.nodes.push_back({"Concat", parts, "mbox_" + head + "/concat"});
    ssd.nodes.push_back({"Reshape", {"mbox_" + head + "/concat"}, head + "_data/Reshape"});
  }
  TableOfNvidia yolov3{"yolov3_resnet18_trt7000.cal",
                       {{"Transpose", {"yolo_conv2_lrelu/LeakyRelu"}, "upsample0/transpose"},
                        {"Resize", {"upsample0/transpose"}, "upsample0/ResizeNearestNeighbor"},
                        {"Transpose", {"upsample0/ResizeNearestNeighbor"}, "upsample0/transpose_1"},
                        {"Concat", {"upsample0/transpose_1", "block_3b_relu/Relu"}, "concatenate_5/concat"}}};
  std::vector<std::string> parts;
  for (int i = 0; i < 3; ++i) {
    const std::string size = std::vector<std::string>{"bg", "md", "sm"}[static_cast<std::size_t>(i)];
    yolov3.nodes.push_back({"Transpose",
                            {std::vector<std::string>{"conv_big_object", "conv_mid_object",
                                                      "conv_sm_object"}[static_cast<std::size_t>(i)] +
                             "/BiasAdd"},
                            size + "_permute/transpose"});
    yolov3.nodes.push_back({"Reshape", {size + "_permute/transpose"}, size + "_reshape/Reshape"});
    yolov3.nodes.push_back({"Concat",
                            {"FirstDimTile_" + std::to_string(i), size + "_reshape/Reshape"},
                            "encoded_" + size + "/concat"});
    parts.push_back("encoded_" + size + "/concat");
  }
  yolov3.nodes.push_back({"Concat", parts, "encoded_detections/concat"});
  for (const char* slice : {"box/strided_slice", "box/strided_slice_1", "box/strided_slice_2",
                            "box/strided_slice_3", "cls/strided_slice"})
    yolov3.nodes.push_back({"Slice", {"encoded_detections/concat"}, slice});
  return {ssd,
          yolov3,
          {"mask_rcnn_resnet50_trt7000.cal",
           {{"MaxPool", {"activation/Relu"}, "max_pooling2d/MaxPool"},
            {"Resize", {"fpn/l5/BiasAdd"}, "nearest_upsampling"},
            {"Resize", {"fpn/add"}, "nearest_upsampling_1"},
            {"MaxPool", {"fpn/post_hoc_d5/BiasAdd"}, "fpn/p6/MaxPool"},
            {"Transpose", {"rpn_head_4/rpn-class/BiasAdd"}, "rpn_head_4/transpose"},
            {"Reshape", {"rpn_head_4/transpose"}, "multilevel_propose_rois/level_6/Reshape"}}},
          {"resnet50_v1_5_trt6001.cal",
           {{"MaxPool", {"resnet_model/Relu_0"}, "resnet_model/max_pooling2d/MaxPool_0"}}},
          {"nvidia/lpdnet_yolov4_tiny.cal",
           {{"Slice", {"conv_3_conv_0_lrelu/LeakyRelu:0"}, "conv_3_conv_0_lrelu/LeakyRelu:0_cropping0"},
            {"Concat",
             {"conv_3_conv_2_lrelu/LeakyRelu:0", "conv_3_conv_1_lrelu/LeakyRelu:0"},
             "conv_3_concat_0/concat:0"},
            {"Concat",
             {"conv_3_conv_0_lrelu/LeakyRelu:0", "conv_3_conv_3_lrelu/LeakyRelu:0"},
             "conv_3_concat_1/concat:0"},
            {"MaxPool", {"conv_3_concat_1/concat:0"}, "conv_3_concat_1/concat:0_pooling0"},
            {"Concat",
             {"conv_4_conv_0_lrelu/LeakyRelu:0", "conv_4_conv_3_lrelu/LeakyRelu:0"},
             "conv_4_concat_1/concat:0"},
            {"MaxPool", {"conv_4_concat_1/concat:0"}, "conv_4_concat_1/concat:0_pooling0"},
            {"Concat",
             {"upsample0/transpose_1:0", "conv_4_conv_3_lrelu/LeakyRelu:0"},
             "concatenate_2/concat:0"}}}};
}

// Tensors with one source have one scale in the table, bit for bit, and (as each range is searched for) no
// others do. The inner concats of yolov3 are why both are looked at: their sources are not their own.
TEST(ScaleSources, GroupTensorsAsNvidiasTablesDo) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA is not set: NVIDIA's tables are not looked at";
  for (const auto& [file, nodes] : tables_of_nvidia()) {
    std::ifstream stream(std::filesystem::path(data) / "calibration_tables" / file);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    const CalibrationCache table = parse_calibration_cache(text);
    ModelProto model = test_model("an input", {-1, 4});
    GraphProto& graph = *model.mutable_graph();
    std::set<std::string> made;
    for (const Node& node : nodes) {
      for (const std::string& input : node.inputs)
        if (made.insert(input).second) add_test_node(graph, "LeakyRelu", {"an input"}, input);
      add_test_node(graph, node.type, node.inputs, node.output);
      made.insert(node.output);
    }
    std::map<std::string, std::set<std::uint32_t>> scales_of_source;
    std::map<std::uint32_t, std::set<std::string>> sources_of_scale;
    for (const auto& [tensor, source] : scale_sources(model)) {
      if (tensor == "an input") continue;
      const CacheLine* line = table.find(tensor);
      ASSERT_NE(line, nullptr) << file << " " << tensor;
      const auto bits = std::bit_cast<std::uint32_t>(line->scale);
      scales_of_source[source].insert(bits);
      sources_of_scale[bits].insert(source);
    }
    for (const auto& [source, scales] : scales_of_source)
      EXPECT_EQ(scales.size(), 1U) << file << " " << source;
    for (const auto& [scale, sources] : sources_of_scale) EXPECT_THAT(sources, testing::SizeIs(1)) << file;
  }
}

}  // namespace
}  // namespace etalon
