#include "etalon/onnx/drop_identities.hpp"

#include <gtest/gtest.h>

#include "etalon/onnx/compare.hpp"
#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

ModelProto model_from(const std::string& graph) {
  return parse_model(R"(<ir_version: 7, opset_import: ["" : 13]> )" + graph);
}

std::string after_dropping(ModelProto model, const ModelProto& expected) {
  drop_identities(model);
  check_onnx(model);
  return graph_difference(model.graph(), expected.graph());
}

TEST(DropIdentities, TakesIdentityAndDropoutOutOfAChain) {
  EXPECT_EQ(after_dropping(model_from("g (float[2] x) => (float[2] y) { a = Identity(x) b, m = Dropout(a) c "
                                      "= Identity(b) y = Relu(c) }"),
                           model_from("g (float[2] x) => (float[2] y) { y = Relu(x) }")),
            "");
}

TEST(DropIdentities, TakesOutAReshapeThatLeadsBack) {
  auto model = model_from(
      "g (float[N,3,1,1] x) => (float[N,3,1,1] y) { f = Flatten(x) r = Reshape(f, s) y = Relu(r) }");
  add_ints(model, "s", {0, 3, 1, 1});
  infer_shapes(model);
  EXPECT_EQ(after_dropping(model, model_from("g (float[N,3,1,1] x) => (float[N,3,1,1] y) { y = Relu(x) }")),
            "");
}

TEST(DropIdentities, MustNotFireForAReshapeThatLeadsElsewhere) {
  auto model = model_from(
      "g (float[N,3,1,2] x) => (float[N,3,2,1] y) { f = Flatten(x) r = Reshape(f, s) y = Relu(r) }");
  add_ints(model, "s", {0, 3, 2, 1});
  infer_shapes(model);
  const auto before = model;
  EXPECT_EQ(after_dropping(model, before), "");
}

TEST(DropIdentities, MustNotFireWithoutShapes) {
  auto model = model_from(
      "g (float[N,3,1,1] x) => (float[N,3,1,1] y) { f = Flatten(x) r = Reshape(f, s) y = Relu(r) }");
  add_ints(model, "s", {0, 3, 1, 1});
  const auto before = model;
  EXPECT_EQ(after_dropping(model, before), "");
}

TEST(DropIdentities, MustNotDropAnOutputOfTheGraph) {
  const auto model = model_from("g (float[2] x) => (float[2] y) { a = Relu(x) y = Identity(a) }");
  EXPECT_EQ(after_dropping(model, model), "");
}

TEST(DropIdentities, MustNotDropADropoutWhoseMaskIsUsed) {
  const auto model =
      model_from("g (float[2] x) => (float[2] y, bool[2] m) { b, m = Dropout(x) y = Relu(b) }");
  EXPECT_EQ(after_dropping(model, model), "");
}

}  // namespace
}  // namespace etalon
