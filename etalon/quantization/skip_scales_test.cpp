#include "etalon/quantization/skip_scales.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <string>

#include "etalon/base/error.hpp"
#include "etalon/onnx/onnx_text.hpp"
#include "etalon/quantization/corrections_test.hpp"

namespace etalon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// s = x * 10 - 6 + x * 10: on images of -0.3 .. 0.7 the shortcut b is -9 .. 1, the sum -12 .. 8.
ModelProto residual(const std::string& sum = "s = Add(a, b)  t = Relu(s)", const std::string& more = "") {
  ModelProto model = parse_model(R"(
    <ir_version: 7, opset_import: ["" : 13]>
    g (float[N,1,16,16] x) => (float[N,1,16,16] y) {
      a = Conv(x, wa)
      b = Conv(x, wb, bb)
      )" + sum + "\n" + more + R"(
      y = Conv(t, wy)
    })");
  add_floats(model, "wa", {1, 1, 1, 1}, {10});
  add_floats(model, "wb", {1, 1, 1, 1}, {10});
  add_floats(model, "bb", {1}, {-6});
  add_floats(model, "wy", {1, 1, 1, 1}, {1});
  return model;
}

const std::map<std::string, float> kScales{
    {"x", 0.01F}, {"a", 0.08F}, {"b", 9 / 127.0F}, {"s", 0.1F}, {"t", 0.1F}};

std::map<std::string, float> choose(const ModelProto& model, int threads = 1, std::size_t images = 3) {
  SilentProgress progress;
  return choose_skip_scales(model, kScales, formula_images(images), {.threads = threads}, progress);
}

TEST(SkipTensors, AreRoundedForOneSumAlone) {
  EXPECT_THAT(skip_tensors(residual(), kScales), ElementsAre("b"));
  EXPECT_THAT(skip_tensors(residual("s = Add(b, a)  t = Relu(s)"), kScales), ElementsAre("a"))
      << "of two convolutions on the same tensor the second";
  EXPECT_THAT(skip_tensors(residual("s = Add(a, x)  t = Relu(s)"), kScales), IsEmpty())
      << "convolutions read x";
  EXPECT_THAT(skip_tensors(residual("p = MaxPool<kernel_shape = [1, 1]>(b)  s = Add(a, p)  t = Relu(s)"),
                           {{"x", 0.01F}, {"b", 0.1F}, {"p", 0.1F}}),
              IsEmpty())
      << "p has the scale of b";
  EXPECT_THAT(skip_tensors(residual("s = Add(a, b)  t = Relu(s)"), {{"x", 0.01F}}), IsEmpty())
      << "without a scale it is not rounded";
}

TEST(ChooseSkipScales, ClipsWhatTheReluTakesAway) {
  // Where the sum is positive, the shortcut is -3 .. 1. Half of the scale reaches to -4.5, and halves the
  // error.
  EXPECT_EQ(choose(residual()), (std::map<std::string, float>{{"b", 9 / 127.0F / 2}}));
}

TEST(ChooseSkipScales, KeepsWhatASumWithoutAnActivationNeeds) {
  // All of -9 .. 1 counts. 9 / 128 would do, and the next smaller candidate clips.
  EXPECT_EQ(choose(residual("t = Add(a, b)")), (std::map<std::string, float>{{"b", 9 / 127.0F}}));
  EXPECT_EQ(choose(residual("s = Add(a, b)  t = Relu(s)", "u = Neg(s)")).at("b"), 9 / 127.0F)
      << "somebody else reads the sum as well";
}

TEST(ChooseSkipScales, GivesTheSameBitsForAnyNumberOfThreads) {
  const auto one = choose(residual(), 1, 7);
  EXPECT_EQ(choose(residual(), 2, 7), one);
  EXPECT_EQ(choose(residual(), 0, 7), one);
}

TEST(ChooseSkipScales, NamesTensorAndImageWhereNumbersAreNotFinite) {
  CalibrationImages images = formula_images(2);
  const auto fill = images.fill;
  images.fill = [&](std::size_t index, const std::string& name, std::span<float> out) {
    fill(index, name, out);
    if (index == 1) out[7] = std::numeric_limits<float>::infinity();
  };
  SilentProgress progress;
  try {
    choose_skip_scales(residual("t = Add(a, b)"), kScales, images, {.threads = 2}, progress);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.line(), "the rounding error of tensor 'b' is not finite on image 'image 1'");
  }
}

TEST(ChooseSkipScales, NeedsImagesOnlyWhereThereIsASkip) {
  EXPECT_THAT(choose(residual("t = Relu(a)"), 1, 0), IsEmpty());
  EXPECT_THROW(choose(residual(), 1, 0), Error);
}

}  // namespace
}  // namespace etalon
