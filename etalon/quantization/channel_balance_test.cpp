#include "etalon/quantization/channel_balance.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/onnx/drop_identities.hpp"
#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<float> numbers(const ModelProto& model, const std::string& name) {
  for (const auto& tensor : model.graph().initializer())
    if (tensor.name() == name) return float_values(tensor);
  ADD_FAILURE() << "no initializer " << name;
  return {};
}

// Two convolutions that add up, and two that read the sum.
ModelProto residual(const std::string& between = "t = Relu(s)", const std::string& more = "") {
  ModelProto model = parse_model(R"(
    <ir_version: 7, opset_import: ["" : 13]>
    g (float[N,1,4,4] x) => (float[N,1,4,4] y, float[N,2,4,4] z) {
      a = Conv(x, wa, ba)
      b = Conv(x, wb)
      s = Add(a, b)
      )" + between + "\n" + more +
                                 R"(
      y = Conv(t, wy)
      z = Conv<group = 2>(t, wz)
    })");
  add_floats(model, "wa", {2, 1, 1, 1}, {1, 2});
  add_floats(model, "ba", {2}, {3, 4});
  add_floats(model, "wb", {2, 1, 1, 1}, {5, 6});
  add_floats(model, "wy", {1, 2, 1, 1}, {7, 8});
  add_floats(model, "wz", {2, 1, 1, 1}, {9, 10});
  return model;
}

TEST(BalanceByRanges, ScalesWhatMakesATensorAndWhatReadsItHalfOfTheWay) {
  const ModelProto balanced = balance_by_ranges(residual(), {{"t", {1, 16}}});
  // Channel 0 is 16 times smaller: 4 times larger weights on the way in, smaller ones on the way out.
  EXPECT_THAT(numbers(balanced, "wa"), ElementsAre(4, 2));
  EXPECT_THAT(numbers(balanced, "ba"), ElementsAre(12, 4));
  EXPECT_THAT(numbers(balanced, "wb"), ElementsAre(20, 6));
  EXPECT_THAT(numbers(balanced, "wy"), ElementsAre(1.75F, 8));
  EXPECT_THAT(numbers(balanced, "wz"), ElementsAre(2.25F, 10));
}

TEST(BalanceByRanges, CountsTheSkipOfASumWithTheSum) {
  const ModelProto balanced = balance_by_ranges(residual(), {{"t", {16, 8}}, {"b", {1, 64}}});
  EXPECT_THAT(numbers(balanced, "wa"), ElementsAre(2, 2)) << "16 and 64: half of the way is 2";
}

TEST(BalanceByRanges, KnowsTheChannelsOfAGroup) {
  ModelProto model = parse_model(R"(
    <ir_version: 7, opset_import: ["" : 13]>
    g (float[N,1,4,4] x) => (float[N,2,4,4] y) {
      a = Conv(x, wa)
      t = Relu(a)
      y = Conv<group = 2>(t, wy)
    })");
  add_floats(model, "wa", {4, 1, 1, 1}, {1, 1, 1, 1});
  add_floats(model, "wy", {2, 2, 1, 2}, {1, 1, 1, 1, 1, 1, 1, 1});  // output, channel of its group, kernel
  const ModelProto balanced = balance_by_ranges(model, {{"t", {256, 64, 16, 4}}});
  EXPECT_THAT(numbers(balanced, "wa"), ElementsAre(1, 2, 4, 8));
  EXPECT_THAT(numbers(balanced, "wy"), ElementsAre(1, 1, 0.5F, 0.5F, 0.25F, 0.25F, 0.125F, 0.125F));
}

TEST(BalanceByRanges, KeepsUnusedChannelsWithinBounds) {
  const ModelProto balanced = balance_by_ranges(residual(), {{"t", {0, 1e30F}}});
  EXPECT_THAT(numbers(balanced, "wa"), ElementsAre(32, 2)) << "as if it had 1/1024 of the largest";
  EXPECT_EQ(balance_by_ranges(residual(), {{"t", {0, 0}}}).graph().initializer_size(), 5);
  EXPECT_THAT(numbers(balance_by_ranges(residual(), {{"t", {0, 0}}}), "wa"), ElementsAre(1, 2));
}

TEST(BalanceableTensors, AreThoseBetweenConvolutionsAndSkipsOfTheirSums) {
  EXPECT_THAT(balanceable_tensors(residual()), ElementsAre("t", "b"));
  EXPECT_THAT(balanceable_tensors(residual("t = LeakyRelu(s)")), ElementsAre("t", "b"));
  EXPECT_THAT(balanceable_tensors(residual("r = Relu(s)\nt = MaxPool<kernel_shape = [1, 1]>(r)")),
              ElementsAre("t", "b"));
}

TEST(BalanceableTensors, AreNotThoseThatSomethingElseMakesOrReads) {
  EXPECT_THAT(balanceable_tensors(residual("t = Sigmoid(s)")), IsEmpty());
  EXPECT_THAT(balanceable_tensors(residual("t = Clip(s)")), IsEmpty());
  EXPECT_THAT(balanceable_tensors(residual("t = Relu(s)", "other = Sigmoid(t)")), IsEmpty());
  EXPECT_THAT(balanceable_tensors(residual("t = Relu(s)", "other = Sigmoid(b)")), IsEmpty());
  EXPECT_THAT(balanceable_tensors(residual("t = Add(s, x)")), IsEmpty()) << "the network's input";
  EXPECT_THAT(balanceable_tensors(residual("t = Add(s, ba)")), IsEmpty()) << "a constant";
}

TEST(BalanceableTensors, AreNotOutputsAndNotThoseOfSharedOrUnknownWeights) {
  ModelProto output = residual();
  output.mutable_graph()->mutable_output(0)->set_name("s");
  EXPECT_THAT(balanceable_tensors(output), IsEmpty());
  ModelProto shared = residual();
  shared.mutable_graph()->mutable_node(1)->set_input(1, "wa");
  EXPECT_THAT(balanceable_tensors(shared), IsEmpty());
  ModelProto shared_bias = residual();
  shared_bias.mutable_graph()->mutable_node(1)->add_input("ba");
  EXPECT_THAT(balanceable_tensors(shared_bias), IsEmpty());
  ModelProto half = residual();
  half.mutable_graph()->mutable_initializer(3)->set_data_type(TensorProto::FLOAT16);
  EXPECT_THAT(balanceable_tensors(half), IsEmpty());
  ModelProto computed = residual();
  computed.mutable_graph()->mutable_node(4)->set_input(1, "x");
  EXPECT_THAT(balanceable_tensors(computed), IsEmpty());
}

TEST(BalanceableTensors, AreNotThoseOfDamagedConvolutions) {
  for (const auto& [tensor, dims] : std::vector<std::pair<int, std::vector<std::int64_t>>>{
           {0, {}}, {0, {2}}, {0, {0, 1, 1, 1}}, {3, {1, 3, 1, 1}}, {4, {3, 1, 1, 1}}, {1, {3}}}) {
    ModelProto model = residual();
    TensorProto& damaged = *model.mutable_graph()->mutable_initializer(tensor);
    damaged.clear_dims();
    std::uint64_t count = 1;
    for (const auto dim : dims) {
      damaged.add_dims(dim);
      count *= static_cast<std::uint64_t>(dim);
    }
    damaged.mutable_float_data()->Resize(static_cast<int>(count), 1.0F);
    EXPECT_THAT(balanceable_tensors(model), IsEmpty()) << tensor;
  }
}

TEST(BalanceableIn, IsWhatBothGraphsHaveSoThatTheyStayOneNetwork) {
  for (const char* op : {"Dropout", "Identity"}) {
    const ModelProto exported = residual(std::string("r = Relu(s)\nt = ") + op + "(r)");
    ModelProto run = exported;
    drop_identities(run);
    const auto tensors = balanceable_tensors(run);
    ASSERT_FALSE(tensors.empty()) << op;
    LargestOfChannels largest;
    for (const auto& tensor : tensors) largest[tensor] = {1, 16};
    const LargestOfChannels both = balanceable_in(exported, largest);
    EXPECT_LT(both.size(), largest.size()) << op << ": what is read has another name";
    const ModelProto balanced = balance_by_ranges(exported, both),
                     balanced_run = balance_by_ranges(run, both);
    for (const char* weight : {"wa", "wb", "wy"})
      EXPECT_EQ(numbers(balanced, weight), numbers(balanced_run, weight)) << op << ", " << weight;
  }
  EXPECT_EQ(balanceable_in(residual(), {{"t", {1, 16}}}).size(), 1U);
}

TEST(BalanceByRanges, TellsARangeThatDoesNotFit) {
  try {
    balance_by_ranges(residual(), {{"t", {1, 2, 3}}});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.line(), "tensor 't' has 3 channels, expected 2");
  }
}

}  // namespace
}  // namespace etalon
