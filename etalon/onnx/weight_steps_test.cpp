#include "etalon/onnx/weight_steps.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "etalon/base/error.hpp"
#include "etalon/onnx/onnx_text.hpp"
#include "etalon/onnx/passes.hpp"

namespace etalon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

// A convolution of two channels and a batch norm with the factors 1 and -3.
ModelProto normalised_convolution(const std::string& rest = "") {
  auto model = parse_model(R"(<ir_version: 7, opset_import: ["" : 13]>
    g (float[N,1,2,2] x) => (float[N,2,2,2] z) {
      c = Conv(x, w)
      y = BatchNormalization<epsilon = 0.25>(c, scale, shift, mean, var) )" +
                           (rest.empty() ? "z = Relu(y) }" : rest));
  add_floats(model, "w", {2, 1, 1, 1}, {5, 7});
  add_floats(model, "scale", {2}, {2, -3});
  add_floats(model, "shift", {2}, {10, 20});
  add_floats(model, "mean", {2}, {1, 2});
  add_floats(model, "var", {2}, {3.75F, 0.75F});
  return model;
}

std::vector<std::string> constants_of(const ModelProto& model) {
  std::vector<std::string> names;
  for (const auto& tensor : model.graph().initializer()) names.push_back(tensor.name());
  return names;
}

TEST(WeightSteps, AreMultipliedByTheMagnitudeOfAFoldedBatchNorm) {
  auto model = normalised_convolution();
  annotate_weight_steps(*model.mutable_graph(), "w", WeightGrid{0.5F, 2}, 0);
  run_passes(model, deploy_passes());
  EXPECT_THAT(take_weight_steps(model), ElementsAre(Pair("w/folded", ElementsAre(0.5F, 1.5F))));
  EXPECT_THAT(constants_of(model), ElementsAre("w/folded", "y/bias"));
  EXPECT_EQ(model.graph().quantization_annotation_size(), 0);
}

TEST(WeightSteps, LeaveTheSameModelBehindAsOneThatNeverHadAny) {
  auto model = normalised_convolution(), plain = normalised_convolution();
  annotate_weight_steps(*model.mutable_graph(), "w", WeightGrid{0.5F, 2}, 0);
  run_passes(model, deploy_passes());
  take_weight_steps(model);
  run_passes(plain, deploy_passes());
  EXPECT_EQ(onnx_bytes(model), onnx_bytes(plain));
}

TEST(WeightSteps, AreOnesOwnForAWeightThatAnotherLayerUsesToo) {
  auto model = normalised_convolution("d = Conv(x, w) z = Add(y, d) }");
  annotate_weight_steps(*model.mutable_graph(), "w", WeightGrid{0.5F, 2}, 0);
  run_passes(model, deploy_passes());
  EXPECT_THAT(take_weight_steps(model),
              ElementsAre(Pair("w", ElementsAre(0.5F, 0.5F)), Pair("y/kernel", ElementsAre(0.5F, 1.5F))));
}

TEST(WeightSteps, StayPositiveWhereABatchNormMakesZerosOfAChannel) {
  auto model = normalised_convolution();
  for (auto& tensor : *model.mutable_graph()->mutable_initializer())
    if (tensor.name() == "scale") {
      tensor.set_float_data(0, 0.0F);
      tensor.set_float_data(1, 1e-37F);
    }
  annotate_weight_steps(*model.mutable_graph(), "w", WeightGrid{0.03F, 1 / 0.03F}, 0);
  run_passes(model, deploy_passes());
  EXPECT_THAT(take_weight_steps(model),
              ElementsAre(Pair("w/folded", ElementsAre(0.03F, std::numeric_limits<float>::min()))));
}

TEST(WeightSteps, RefuseToBecomeInfinite) {
  auto model = normalised_convolution();
  annotate_weight_steps(*model.mutable_graph(), "w", WeightGrid{2e38F, 5e-39F}, 0);
  EXPECT_THROW(run_passes(model, deploy_passes()), Error);
}

// The largest number and one other of a kernel of NVIDIA's squeezenet. TensorFlow multiplies by 127 / largest
// in float32 and gets 45.499996, where a division by largest / 127 gives 45.5.
TEST(WeightSteps, AreMovedALittleWhereAWeightLiesBetweenTwoIntegers) {
  constexpr float kLargest = 0x1.437a44p-2F, kBetween = 0x1.cf90fap-4F;
  auto model = parse_model(R"(<ir_version: 7, opset_import: ["" : 13]>
    g (float[N,1,2,2] x) => (float[N,2,2,2] y) { y = Conv(x, w) })");
  add_floats(model, "w", {2, 1, 1, 1}, {kLargest, kBetween});
  const float step = kLargest / 127;
  ASSERT_EQ(std::nearbyint(kBetween / step), 46);
  annotate_weight_steps(*model.mutable_graph(), "w", {step, 127 / kLargest}, 0);
  const auto steps = take_weight_steps(model).at("w");
  EXPECT_EQ(steps[0], step);
  EXPECT_EQ(std::nearbyint(kBetween / steps[1]), 45);
  EXPECT_FLOAT_EQ(steps[1], step);
}

TEST(WeightSteps, KnowTheChannelsOfATransposedConvolution) {
  // [in 2, out 2]: the second channel, 2 and 4, grows threefold
  auto model = parse_model(R"(<ir_version: 7, opset_import: ["" : 13]>
    g (float[N,2,2,2] x) => (float[N,2,2,2] y) {
      c = ConvTranspose(x, w)
      y = BatchNormalization<epsilon = 0.25>(c, scale, shift, mean, var) })");
  add_floats(model, "w", {2, 2, 1, 1}, {1, 2, 3, 4});
  add_floats(model, "scale", {2}, {2, 3});
  add_floats(model, "shift", {2}, {10, 20});
  add_floats(model, "mean", {2}, {1, 2});
  add_floats(model, "var", {2}, {3.75F, 0.75F});
  annotate_weight_steps(*model.mutable_graph(), "w", {0.5F, 2}, 1);
  run_passes(model, deploy_passes());
  EXPECT_THAT(take_weight_steps(model), ElementsAre(Pair("w/folded", ElementsAre(0.5F, 1.5F))));
}

TEST(WeightSteps, GoWithTheirWeight) {
  auto model = normalised_convolution("u = Conv(x, v) z = Relu(y) }");  // nobody uses u
  add_floats(model, "v", {1, 1, 1, 1}, {1});
  annotate_weight_steps(*model.mutable_graph(), "v", WeightGrid{0.5F, 2}, 0);
  run_passes(model, deploy_passes());
  EXPECT_EQ(model.graph().quantization_annotation_size(), 0);
  EXPECT_THAT(constants_of(model), ElementsAre("w/folded", "y/bias"));
  EXPECT_THAT(take_weight_steps(model), IsEmpty());
}

TEST(WeightSteps, DropAnAnnotationOfAnotherFormThatFoldingMadeWrong) {
  auto model = normalised_convolution();
  add_floats(model, "s", {}, {0.5F});  // one for the whole tensor
  auto& annotation = *model.mutable_graph()->add_quantization_annotation();
  annotation.set_tensor_name("w");
  auto& parameter = *annotation.add_quant_parameter_tensor_names();
  parameter.set_key("SCALE_TENSOR");
  parameter.set_value("s");
  run_passes(model, deploy_passes());
  EXPECT_EQ(model.graph().quantization_annotation_size(), 0);
  EXPECT_THAT(constants_of(model), ElementsAre("w/folded", "y/bias"));
}

}  // namespace
}  // namespace etalon
