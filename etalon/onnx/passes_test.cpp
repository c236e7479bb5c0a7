#include "etalon/onnx/passes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/base/error.hpp"
#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

ModelProto tiny() {
  return parse_model(
      R"(<ir_version: 7, opset_import: ["" : 13]> g (float[2] x) => (float[2] y) { h = Relu(x) y = Relu(h) })");
}

TEST(RunPasses, NamesThePassThatLeavesAWrongModel) {
  const std::array passes{
      Pass{"harmless", [](ModelProto&) {}},
      Pass{"breaks-it", [](ModelProto& model) { model.mutable_graph()->mutable_node()->RemoveLast(); }}};
  auto model = tiny();
  try {
    run_passes(model, passes);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kInternal);
    EXPECT_THAT(error.places(), testing::ElementsAre("pass 'breaks-it'"));
  }
}

TEST(RunPasses, RefusesAWrongModelBeforeAnyPass) {
  auto model = tiny();
  model.mutable_graph()->mutable_node(0)->set_input(0, "nothing");
  try {
    run_passes(model, deploy_passes());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kBadInput);
  }
}

TEST(DeployPasses, AreDoneAfterOneRun) {
  auto model =
      parse_model(R"(<ir_version: 7, opset_import: ["" : 13]> g (float[N,1,4,4] x) => (float[N,1,4,4] z) {
    p = Pad(x, e) c = Conv(p, w) y = BatchNormalization(c, one, one, one, one) i = Identity(y) z = Relu(i) })");
  add_ints(model, "e", {0, 0, 1, 1, 0, 0, 1, 1});
  add_floats(model, "w", {1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  add_floats(model, "one", {1}, {1});
  run_passes(model, deploy_passes());
  ASSERT_EQ(model.graph().node_size(), 2);
  const auto once = onnx_bytes(model);
  run_passes(model, deploy_passes());
  EXPECT_EQ(onnx_bytes(model), once);
}

}  // namespace
}  // namespace etalon
