#include "etalon/onnx/fold_pad.hpp"

#include <gtest/gtest.h>

#include "etalon/onnx/compare.hpp"
#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

ModelProto model_from(const std::string& graph, std::initializer_list<std::int64_t> pads) {
  auto model = parse_model(R"(<ir_version: 7, opset_import: ["" : 13]> )" + graph);
  if (pads.size() > 0) add_ints(model, "p", pads);
  add_floats(model, "w", {1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  return model;
}

std::string after_folding(ModelProto model, const ModelProto& expected) {
  fold_pad(model);
  check_onnx(model);
  return graph_difference(model.graph(), expected.graph());
}

constexpr const char* kPadConv =
    R"(g (float[1,1,8,8] x) => (float y) { a = Pad<mode = "constant">(x, p) y = Conv<strides = [2,2]>(a, w) })";

TEST(FoldPad, MovesZerosIntoTheConvolution) {
  EXPECT_EQ(
      after_folding(
          model_from(kPadConv, {0, 0, 0, 1, 0, 0, 2, 3}),
          model_from(
              "g (float[1,1,8,8] x) => (float y) { y = Conv<strides = [2,2], pads = [0,1,2,3]>(x, w) }", {})),
      "");
}

TEST(FoldPad, AddsToThePadsThatAreThere) {
  EXPECT_EQ(
      after_folding(model_from("g (float[1,1,8,8] x) => (float y) { a = Pad(x, p) y = Conv<pads = [1,1,1,1], "
                               "auto_pad = \"NOTSET\">(a, w) }",
                               {0, 0, 0, 0, 0, 0, 1, 1}),
                    model_from("g (float[1,1,8,8] x) => (float y) { y = Conv<pads = [1,1,2,2]>(x, w) }", {})),
      "");
}

TEST(FoldPad, KeepsThePadForItsOtherUsers) {
  EXPECT_EQ(after_folding(
                model_from(
                    "g (float[1,1,8,8] x) => (float y, float z) { a = Pad(x, p) y = Conv(a, w) z = Relu(a) }",
                    {0, 0, 1, 1, 0, 0, 1, 1}),
                model_from("g (float[1,1,8,8] x) => (float y, float z) { a = Pad(x, p) y = Conv<pads = "
                           "[1,1,1,1]>(x, w) z = Relu(a) }",
                           {0, 0, 1, 1, 0, 0, 1, 1})),
            "");
}

TEST(FoldPad, MustNotFireForCropsForOtherAxesAndForOddSizes) {
  for (const auto& pads : {std::initializer_list<std::int64_t>{0, 0, -1, 0, 0, 0, 0, 0},
                           {0, 1, 0, 0, 0, 1, 0, 0},
                           {1, 0, 0, 0, 0, 0, 0, 0},
                           {0, 0, 1, 1, 0, 0}}) {
    const auto model = model_from(kPadConv, pads);
    auto folded = model;
    fold_pad(folded);
    EXPECT_EQ(graph_difference(folded.graph(), model.graph()), "");
  }
}

TEST(FoldPad, MustNotFireForReflectionsOtherValuesAndAutoPad) {
  for (const char* graph : {
           R"(g (float[1,1,8,8] x) => (float y) { a = Pad<mode = "reflect">(x, p) y = Conv(a, w) })",
           R"(g (float[1,1,8,8] x) => (float y) { a = Pad(x, p, one) y = Conv(a, w) })",
           R"(g (float[1,1,8,8] x) => (float y) { a = Pad(x, p) y = Conv<auto_pad = "SAME_UPPER">(a, w) })",
           R"(g (float[1,1,8,8] x) => (float y) { a = Pad(x, p) y = MaxPool<kernel_shape = [3,3]>(a) })",
       }) {
    auto model = model_from(graph, {0, 0, 1, 1, 0, 0, 1, 1});
    add_floats(model, "one", {}, {1});
    fold_pad(model);
    EXPECT_EQ(model.graph().node_size(), 2) << graph;
    EXPECT_EQ(model.graph().node(1).input(0), "a") << graph;
  }
}

}  // namespace
}  // namespace etalon
