#include "etalon/quantization/weight_grid.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

NodeProto node_of(const std::string& op, const std::string& attribute = {}, std::int64_t value = 0) {
  NodeProto node;
  node.set_op_type(op);
  if (!attribute.empty()) {
    auto& a = *node.add_attribute();
    a.set_name(attribute);
    a.set_type(AttributeProto::INT);
    a.set_i(value);
  }
  return node;
}

TensorProto tensor_of(std::initializer_list<std::int64_t> dims) {
  TensorProto tensor;
  tensor.set_name("w");
  for (const auto dim : dims) tensor.add_dims(dim);
  return tensor;
}

std::vector<float> rounded(const NodeProto& node, std::initializer_list<std::int64_t> dims,
                           std::vector<float> values) {
  round_to_channel_grids(values, channel_layout(node, tensor_of(dims)).value());
  return values;
}

// The expectations are NumPy's, in float32: step = max|w| / 127 a channel, rint(w / step) * step.
TEST(WeightGrid, RoundsEachOutputChannelOfAConvolution) {
  EXPECT_THAT(
      rounded(node_of("Conv"), {2, 3, 2}, {0.35F, 0.82F, 0.33F, -1.3F, 0.91F, 0.45F, 0, 0, 0, 0, 0, 0}),
      ElementsAre(0.348031491F, 0.818897605F, 0.327559054F, -1.3F, 0.911023617F, 0.450393707F, 0, 0, 0, 0, 0,
                  0));
}

TEST(WeightGrid, FindsTheOutputChannelsOfAMatrix) {
  const std::vector<float> matrix{-0.74F, -0.16F, -0.48F, 0.6F, 0.04F, -0.29F};
  const std::vector<float> by_column{-0.74F, -0.160629928F, -0.477795273F,
                                     0.6F,   0.0407874025F, -0.288188964F};
  EXPECT_THAT(rounded(node_of("Gemm"), {3, 2}, matrix), ElementsAreArray(by_column));
  EXPECT_THAT(rounded(node_of("MatMul"), {3, 2}, matrix), ElementsAreArray(by_column));
  EXPECT_THAT(rounded(node_of("MatMul"), {1, 3, 2}, matrix), ElementsAreArray(by_column));
  EXPECT_THAT(rounded(node_of("Gemm", "transB", 1), {3, 2}, matrix),
              ElementsAre(-0.74F, -0.157322839F, -0.481889755F, 0.6F, 0.0411023609F, -0.29F));
}

TEST(WeightGrid, KeepsTheGroupsOfATransposedConvolutionApart) {
  const std::vector<float> kernel{-0.78F, -0.26F, 0.01F, -0.28F, 1.29F, 1.01F, -2.71F, -1.89F};
  EXPECT_THAT(
      rounded(node_of("ConvTranspose", "group", 2), {4, 2, 1}, kernel),
      ElementsAre(-0.78F, -0.260157466F, 0.012283464F, -0.28F, 1.28031504F, 1.01196849F, -2.71F, -1.89F));
  EXPECT_THAT(
      rounded(node_of("ConvTranspose"), {4, 2, 1}, kernel),
      ElementsAre(-0.789527595F, -0.252992123F, 0, -0.282755911F, 1.28031504F, 1.01196849F, -2.71F, -1.89F));
}

TEST(WeightGrid, RoundsHalfToEven) {
  EXPECT_THAT(rounded(node_of("Conv"), {1, 6, 1}, {127, 0.5F, 1.5F, 2.5F, -1.5F, -2.5F}),
              ElementsAre(127, 0, 2, 2, -2, -2));
}

TEST(WeightGrid, RefusesWhatIsNoWeight) {
  EXPECT_EQ(channel_layout(node_of("Add"), tensor_of({3})), std::nullopt);
  EXPECT_THROW(channel_layout(node_of("Conv"), tensor_of({3, 3})), Error);
  EXPECT_THROW(channel_layout(node_of("Gemm"), tensor_of({3, 3, 3})), Error);
  EXPECT_THROW(channel_layout(node_of("Conv"), tensor_of({3, 0, 3, 3})), Error);
  EXPECT_THROW(channel_layout(node_of("ConvTranspose", "group", 0), tensor_of({4, 2, 1})), Error);
  EXPECT_THROW(channel_layout(node_of("ConvTranspose", "group", 3), tensor_of({4, 2, 1})), Error);
  EXPECT_THROW(rounded(node_of("Conv"), {1, 2, 1}, {1, std::nanf("")}), Error);
}

}  // namespace
}  // namespace etalon
