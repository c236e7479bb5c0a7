#include "etalon/onnx/graph_index.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(GraphIndex, KnowsWhoMakesAndWhoUsesATensor) {
  auto model = parse_model(R"(<ir_version: 7, opset_import: ["" : 13]> g (float[2] x) => (float[2] y) {
    h = Add(x, w)
    i = Mul(h, h)
    y = Relu(i) })");
  add_floats(model, "w", {2}, {1, 2});
  const GraphIndex index(model.graph());
  EXPECT_EQ(index.producer("h"), 0);
  EXPECT_EQ(index.producer("x"), std::nullopt);
  EXPECT_THAT(index.users("h"), ElementsAre(1, 1));
  EXPECT_THAT(index.users("y"), IsEmpty());
  EXPECT_THAT(index.users("nothing"), IsEmpty());
  EXPECT_EQ(index.initializer("w"), 0);
  EXPECT_TRUE(index.is_graph_input("x"));
  EXPECT_TRUE(index.is_graph_output("y"));
  EXPECT_EQ(index.shape("w"), Shape{2});
  EXPECT_EQ(index.shape("h"), std::nullopt);
}

TEST(GraphIndex, CountsUsesInsideOfSubgraphs) {
  auto model = parse_model(
      R"(<ir_version: 7, opset_import: ["" : 13]> g (float[2] x) => (float[2] y) { h = Relu(x) y = Relu(h) })");
  auto& branch = *model.mutable_graph()->mutable_node(1)->add_attribute();
  branch.set_name("then_branch");
  branch.set_type(AttributeProto::GRAPH);
  branch.mutable_g()->add_node()->add_input("x");
  branch.mutable_g()->add_output()->set_name("h");
  const GraphIndex index(model.graph());
  EXPECT_THAT(index.users("x"), ElementsAre(0, 1));
  EXPECT_THAT(index.users("h"), ElementsAre(1, 1));
}

}  // namespace
}  // namespace etalon
