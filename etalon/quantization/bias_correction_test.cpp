// What holds whatever computes the networks; numbers: corrections_numbers_test.cpp.
#include "etalon/quantization/bias_correction.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/onnx/onnx_text.hpp"
#include "etalon/quantization/corrections_test.hpp"

namespace etalon {
namespace {

using ::testing::ElementsAre;

std::vector<float> numbers(const ModelProto& model, const std::string& name) {
  for (const auto& tensor : model.graph().initializer())
    if (tensor.name() == name) return float_values(tensor);
  ADD_FAILURE() << "no initializer " << name;
  return {};
}

template <class Body>
std::string error_of(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.line();
  }
  return "no error";
}

BiasShifts measure(const ModelProto& exact, const ModelProto& quantized,
                   const std::vector<std::string>& layers, const CalibrationImages& images, int threads = 1) {
  SilentProgress progress;
  return measure_bias_shifts(exact, quantized, layers, images, {.threads = threads}, progress);
}

TEST(MeasureBiasShifts, GivesTheSameBitsForAnyNumberOfThreads) {
  const auto shifts = [&](int threads) {
    return measure(testdata_model("exact.onnx"), testdata_model("rounded.onnx"), {"a", "b", "c", "d"},
                   formula_images(7), threads);
  };
  const BiasShifts one = shifts(1);
  EXPECT_EQ(one.size(), 4U);
  EXPECT_EQ(shifts(2), one);
  EXPECT_EQ(shifts(0), one);
}

TEST(MeasureBiasShifts, CorrectsALayerThatIsNamedTwiceOnce) {
  const auto shifts = [&](const std::vector<std::string>& layers) {
    return measure(testdata_model("exact.onnx"), testdata_model("rounded.onnx"), layers, formula_images(1));
  };
  EXPECT_EQ(shifts({"b", "a", "b"}), shifts({"a", "b"}));
}

TEST(MeasureBiasShifts, PassesOverLayersWithoutABias) {
  ModelProto model = parse_model(R"(
    <ir_version: 7, opset_import: ["" : 13]>
    g (float[N,2] x) => (float[N,2] z) { y = MatMul(x, w)  z = Relu(y) })");
  add_floats(model, "w", {2, 2}, {1, 2, 3, 4});
  EXPECT_TRUE(measure(model, model, {"y", "z"}, formula_images(2)).empty());
}

TEST(MeasureBiasShifts, TellsWhatDoesNotFit) {
  const ModelProto exact = testdata_model("exact.onnx"), rounded = testdata_model("rounded.onnx");
  const auto error = [&](const ModelProto& a, const ModelProto& b, const std::string& layer,
                         const CalibrationImages& images) {
    return error_of([&] { measure(a, b, {layer}, images); });
  };
  EXPECT_EQ(error(exact, rounded, "e", formula_images(1)),
            "layer 'e' is not in both the exact and the quantised network");
  EXPECT_EQ(error(exact, rounded, "x", formula_images(1)),
            "layer 'x' is not in both the exact and the quantised network");
  EXPECT_EQ(error(exact, rounded, "a", formula_images(0)), "there are no images to measure with");
  ModelProto other = rounded;
  other.mutable_opset_import(0)->set_version(14);
  EXPECT_EQ(error(exact, other, "a", formula_images(1)),
            "the models have opsets 13 and 14, expected the same");
  other = parse_model(R"(
    <ir_version: 7, opset_import: ["" : 13]> g (float[1,2] y) => (float[1,2] a) { a = Relu(y) })");
  EXPECT_EQ(error(exact, other, "a", formula_images(1)), "the networks' inputs are called 'x' and 'y'");
  other = parse_model(R"(
    <ir_version: 7, opset_import: ["" : 13]>
    g (float[1,2] x, float[1,2] y) => (float[1,2] a) { a = Add(x, y) })");
  EXPECT_EQ(error(exact, other, "a", formula_images(1)), "the network has 2 inputs, expected 1");
}

// w: Conv without bias; s: the bias that two others share.
ModelProto layers() {
  ModelProto model = parse_model(R"(
    <ir_version: 7, opset_import: ["" : 13]>
    g (float[1,1,2,2] x) => (float[1,2,2,2] bare, float[1,2,2,2] first, float[1,2,2,2] second,
                             float[1,2] product, float[1,2] wide) {
      bare = Conv(x, w)
      first = Conv(x, w, s)
      second = Conv(x, w, s)
      flat = Flatten(x)
      product = Gemm<beta = 2.0>(flat, v, t)
      wide = Gemm(flat, v, u)
    })");
  add_floats(model, "w", {2, 1, 1, 1}, {1, 2});
  add_floats(model, "s", {2}, {10, 20});
  add_floats(model, "v", {4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  add_floats(model, "t", {2}, {3, 4});
  add_floats(model, "u", {1}, {5});
  return model;
}

TEST(ApplyBiasShifts, GivesALayerWithoutABiasOne) {
  ModelProto model = layers();
  apply_bias_shifts(model, {{"bare", {0.5F, -1}}});
  EXPECT_THAT(model.graph().node(0).input(), ElementsAre("x", "w", "bare/corrected_bias"));
  EXPECT_THAT(numbers(model, "bare/corrected_bias"), ElementsAre(0.5F, -1));
  EXPECT_NO_THROW(check_onnx(model));
}

TEST(ApplyBiasShifts, LeavesTheBiasThatAnotherLayerSharesAlone) {
  ModelProto model = layers();
  apply_bias_shifts(model, {{"first", {1, 2}}});
  EXPECT_THAT(numbers(model, "s"), ElementsAre(10, 20));
  EXPECT_EQ(model.graph().node(1).input(2), "first/corrected_bias");
  EXPECT_THAT(numbers(model, "first/corrected_bias"), ElementsAre(11, 22));
  EXPECT_EQ(model.graph().node(2).input(2), "s");
  EXPECT_NO_THROW(check_onnx(model));
}

TEST(ApplyBiasShifts, TakesGemmsFactorIntoTheBias) {
  ModelProto model = layers();
  apply_bias_shifts(model, {{"product", {1, 2}}, {"wide", {1, 2}}});
  EXPECT_THAT(numbers(model, "t"), ElementsAre(7, 10)) << "in place: nobody else reads it";
  EXPECT_EQ(model.graph().node(4).attribute(0).f(), 1.0F);
  EXPECT_THAT(numbers(model, "u"), ElementsAre(6, 7)) << "one number for all channels becomes one a channel";
  EXPECT_NO_THROW(check_onnx(model));
}

TEST(ApplyBiasShifts, PassesOverWhatTheModelDoesNotHave) {
  ModelProto model = layers();
  apply_bias_shifts(model, {{"elsewhere", {1}}, {"x", {1}}, {"w", {1}}});
  EXPECT_EQ(model.SerializeAsString(), layers().SerializeAsString());
}

TEST(ApplyBiasShifts, TellsWhatItCannotCorrect) {
  const auto error = [](ModelProto model, const BiasShifts& shifts) {
    return error_of([&] { apply_bias_shifts(model, shifts); });
  };
  EXPECT_EQ(error(layers(), {{"flat", {1}}}), "a Flatten has no bias to correct, in layer 'flat'");
  EXPECT_EQ(error(layers(), {{"first", {1, 2, 3}}}),
            "its bias 's' has 2 numbers, expected 3, in layer 'first'");
  ModelProto computed = layers();
  computed.mutable_graph()->mutable_node(1)->set_input(2, "x");
  EXPECT_EQ(error(computed, {{"first", {1, 2}}}), "its bias 'x' is computed, in layer 'first'");
  ModelProto half = layers();
  half.mutable_graph()->mutable_initializer(1)->set_data_type(TensorProto::FLOAT16);
  EXPECT_EQ(error(half, {{"first", {1, 2}}}), "its bias 's' is not float32, in layer 'first'");
  ModelProto bare = layers();
  bare.mutable_graph()->mutable_node(0)->mutable_input()->RemoveLast();
  EXPECT_EQ(error(bare, {{"bare", {1, 2}}}), "it has no weights, in layer 'bare'");
}

}  // namespace
}  // namespace etalon
