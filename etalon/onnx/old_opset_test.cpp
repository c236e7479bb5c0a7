#include "etalon/onnx/old_opset.hpp"

#include <gtest/gtest.h>

#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

ModelProto model_with(const std::string& node, int opset) {
  return parse_model(R"(<ir_version: 4, opset_import: ["" : )" + std::to_string(opset) +
                     R"(]> g (float[N,1,4,4] x) => (float y) { y = )" + node + " }");
}

TEST(OldOpset, RaisesWhatMeansTheSame) {
  auto model = model_with("Relu(x)", 11);
  EXPECT_EQ(raise_old_opset(model), "");
  EXPECT_EQ(opset_of(model), kOpset);
  EXPECT_EQ(model.ir_version(), kIrVersion);
  check_onnx(model);
}

TEST(OldOpset, LeavesAloneWhatChangedAndSaysWhichNode) {
  auto model = model_with("Softmax(x)", 12);
  model.mutable_graph()->mutable_node(0)->set_name("odd");
  EXPECT_EQ(raise_old_opset(model), "Softmax 'odd' means something else from opset 13 on");
  EXPECT_EQ(opset_of(model), 12);
}

TEST(OldOpset, TakesAnOperatorInTheVersionThatItLastChangedIn) {
  auto model = model_with("Softmax(x)", 13);
  EXPECT_EQ(raise_old_opset(model), "");
  auto clip = model_with("Clip(x)", 11);
  EXPECT_EQ(raise_old_opset(clip), "");
  EXPECT_EQ(opset_of(clip), kOpset);
}

TEST(OldOpset, RefusesOperatorSetsBeforeToday) {
  auto model = model_with("Relu(x)", 6);
  EXPECT_NE(raise_old_opset(model).find("opset 6"), std::string::npos);
}

TEST(OldOpset, LeavesNewerModelsAsTheyAre) {
  auto model = model_with("Relu(x)", 15);
  EXPECT_EQ(raise_old_opset(model), "");
  EXPECT_EQ(opset_of(model), 15);
}

}  // namespace
}  // namespace etalon
