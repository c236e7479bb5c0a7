#include "etalon/onnx/graph_match.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ModelProto model_from(const std::string& graph) {
  return parse_model(R"(<ir_version: 7, opset_import: ["" : 13]> )" + graph);
}

// A weight of one number that stands for all: enough to tell layers apart.
void add_weight(ModelProto& model, const std::string& name, float value) {
  add_floats(model, name, {1, 1, 1, 1}, {value});
}

MATCHER_P2(Pair, first, second, "") { return arg.first == first && arg.second == second; }

TEST(MatchGraphs, FindsTensorsOfOneNameWithOrWithoutColonZero) {
  const auto a =
      model_from("g (float[N,2] x) => (float[N,2] y) { s = Sigmoid(x) r = Relu(x) y = Add(s, r) }");
  auto b = model_from("g (float[N,2] x) => (float[N,2] y) { r = Relu(x) s = Sigmoid(x) y = Add(s, r) }");
  b.mutable_graph()->mutable_node(0)->set_output(0, "r:0");
  b.mutable_graph()->mutable_node(2)->set_input(1, "r:0");
  const auto match = match_graphs(a.graph(), b.graph());
  EXPECT_THAT(match.pairs, ElementsAre(Pair(0, 1), Pair(1, 0), Pair(2, 2)));
  EXPECT_EQ(match.tensors.at("r"), "r:0");
  EXPECT_THAT(match.only_first, IsEmpty());
  EXPECT_THAT(match.only_second, IsEmpty());
}

TEST(MatchGraphs, KnowsALayerByItsWeightsNameOrTheNodes) {
  auto a = model_from("g (float[1,1,4,4] x) => (float p, float q) { p = Conv(x, a) q = Conv(x, b) }");
  auto b = model_from("g (float[1,1,4,4] x) => (float m, float n) { m = Conv(x, c) n = Conv(x, d) }");
  for (auto& [model, names] :
       {std::pair<ModelProto&, std::vector<std::string>>{a, {"conv1/kernel/folded", "conv2/kernel"}},
        {b, {"weights_of_2", "conv1_W_new"}}})
    for (int i = 0; i < 2; ++i) {
      model.mutable_graph()->mutable_node(i)->set_input(1, names[static_cast<std::size_t>(i)]);
      add_weight(model, names[static_cast<std::size_t>(i)], 1.0F + static_cast<float>(i));
    }
  b.mutable_graph()->mutable_node(0)->set_name("conv2");
  EXPECT_THAT(match_graphs(a.graph(), b.graph()).pairs, ElementsAre(Pair(0, 1), Pair(1, 0)));
  EXPECT_EQ(layer_name(a.graph().node(0), constants_of(a.graph())), "conv1");
  EXPECT_EQ(layer_name(b.graph().node(0), constants_of(b.graph())), "conv2");
  EXPECT_EQ(layer_name(b.graph().node(1), constants_of(b.graph())), "conv1");
}

TEST(MatchGraphs, KnowsALayerByItsWeightsIfOneHasThem) {
  auto a = model_from("g (float[1,1,4,4] x) => (float p, float q) { p = Conv(x, a) q = Conv(x, b) }");
  auto b = model_from("g (float[1,1,4,4] x) => (float m, float n) { m = Conv(x, c) n = Conv(x, d) }");
  add_weight(a, "a", 0.5F);
  add_weight(a, "b", -0.25F);
  add_weight(b, "c", -0.2500001F);  // rounded otherwise
  add_weight(b, "d", 0.5F);
  EXPECT_THAT(match_graphs(a.graph(), b.graph()).pairs, ElementsAre(Pair(0, 1), Pair(1, 0)));
}

TEST(MatchGraphs, TakesWhatIsLeftInOrderIfItIsAsMany) {
  auto a = model_from("g (float[1,1,4,4] x) => (float p, float q) { p = Conv(x, a) q = Conv(x, b) }");
  auto b = model_from("g (float[1,1,4,4] x) => (float m, float n) { m = Conv(x, c) n = Conv(x, d) }");
  for (const char* name : {"a", "b"}) add_weight(a, name, 1);
  for (const char* name : {"c", "d"}) add_weight(b, name, 2);
  EXPECT_THAT(match_graphs(a.graph(), b.graph()).pairs, ElementsAre(Pair(0, 0), Pair(1, 1)));
  b.mutable_graph()->mutable_node()->RemoveLast();
  const auto match = match_graphs(a.graph(), b.graph());
  EXPECT_THAT(match.pairs, IsEmpty());
  EXPECT_THAT(match.only_first, ElementsAre(0, 1));
  EXPECT_THAT(match.only_second, ElementsAre(0));
}

TEST(MatchGraphs, FollowsWhatReadsAndWhatMakesTheSame) {
  // Only the sum's name is common; u and v feed it, p and q follow.
  const auto a = model_from(
      "g (float[N,2] x) => (float[N,2] q) { u = Sigmoid(x) v = Relu(x) sum = Add(u, v) p = Tanh(sum) q = "
      "Neg(p) }");
  const auto b = model_from(
      "g (float[N,2] z) => (float[N,2] k) { a = Relu(z) b = Sigmoid(z) sum = Add(b, a) j = Tanh(sum) k = "
      "Neg(j) }");
  EXPECT_THAT(match_graphs(a.graph(), b.graph()).pairs,
              ElementsAre(Pair(0, 1), Pair(1, 0), Pair(2, 2), Pair(3, 3), Pair(4, 4)));
}

TEST(MatchGraphs, MustNotGuessBetweenTwoOfAKind) {
  const auto a = model_from("g (float[N,2] x) => (float[N,2] p, float[N,2] q) { p = Relu(x) q = Relu(x) }");
  const auto b = model_from("g (float[N,2] x) => (float[N,2] m, float[N,2] n) { m = Relu(x) n = Relu(x) }");
  EXPECT_THAT(match_graphs(a.graph(), b.graph()).pairs, IsEmpty());
}

TEST(MatchGraphs, DoesNotTrustNamesThatAreNumbers) {
  auto a = model_from("g (float[N,2] x) => (float[N,2] y) { a = Relu(x) b = Neg(a) c = Relu(b) y = Exp(c) }");
  auto b = a;
  const auto rename = [](ModelProto& model, const char* first, const char* second) {
    model.mutable_graph()->mutable_node(0)->set_output(0, first);
    model.mutable_graph()->mutable_node(1)->set_input(0, first);
    model.mutable_graph()->mutable_node(2)->set_output(0, second);
    model.mutable_graph()->mutable_node(3)->set_input(0, second);
  };
  rename(a, "1", "2");
  rename(b, "2", "1");
  EXPECT_THAT(match_graphs(a.graph(), b.graph()).pairs,
              ElementsAre(Pair(0, 0), Pair(1, 1), Pair(2, 2), Pair(3, 3)));
}

TEST(MatchGraphs, FindsALayerWhoseOperatorChanged) {
  const auto a = model_from("g (float[N,2] x) => (float[N,2] y) { r = Relu(x) y = Neg(r) }");
  const auto b = model_from("g (float[N,2] x) => (float[N,2] y) { r = Elu(x) y = Neg(r) }");
  EXPECT_THAT(match_graphs(a.graph(), b.graph()).pairs, ElementsAre(Pair(0, 0), Pair(1, 1)));
}

TEST(MatchGraphs, SaysWhatOnlyOneHas) {
  const auto a = model_from("g (float[N,2] x) => (float[N,2] y) { r = Relu(x) y = Neg(r) }");
  const auto b = model_from("g (float[N,2] x) => (float[N,2] y) { r = Relu(x) e = Exp(r) y = Neg(e) }");
  const auto match = match_graphs(a.graph(), b.graph());
  EXPECT_THAT(match.pairs, ElementsAre(Pair(0, 0), Pair(1, 2)));
  EXPECT_THAT(match.only_second, ElementsAre(1));
}

TEST(MatchGraphs, OfAGraphWithItselfIsEveryNode) {
  const auto a = model_from(
      "g (float[N,2] x) => (float[N,2] y) { a = Relu(x) b = Relu(x) c = Add(a, b) y = Add(c, c) }");
  EXPECT_EQ(match_graphs(a.graph(), a.graph()).pairs.size(), 4U);
}

TEST(MatchGraphs, HoldsWithDamagedGraphs) {
  // Empty names, a tensor made twice, nodes without outputs or in a ring.
  auto a = model_from("g (float[N,2] x) => (float[N,2] y) { a = Relu(b) b = Relu(a) y = Conv(x, w) }");
  a.mutable_graph()->add_node()->set_op_type("Conv");
  auto& twice = *a.mutable_graph()->add_node();
  twice.set_op_type("Relu");
  twice.add_output("a");
  twice.add_output("");
  twice.add_input("");
  const auto match = match_graphs(a.graph(), a.graph());
  EXPECT_LE(match.pairs.size(), 5U);
}

}  // namespace
}  // namespace etalon
