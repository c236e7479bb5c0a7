#include "etalon/networks/padding_rules.hpp"

#include <gtest/gtest.h>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

struct Measured {
  const char* what;
  AxisPlan (*plan)(const AxisWindow&);
  std::int64_t kernel, stride, dilation;
  std::int64_t of_16, of_17;
};

// Sizes that the patched Keras 2.2.4 gave for inputs of 16 and 17 (docs/networks/detectnet_v2.md, "Padding").
TEST(PaddingRules, GiveTheSizesThatThePatchedKerasGave) {
  for (const auto& m : {
           Measured{"conv k3 s2", plan_conv_same, 3, 2, 1, 8, 9},
           Measured{"conv k7 s2", plan_conv_same, 7, 2, 1, 8, 9},
           Measured{"conv k3 d2", plan_conv_same, 3, 1, 2, 16, 17},
           Measured{"conv k2 s1", plan_conv_same, 2, 1, 1, 17, 18},
           Measured{"conv k4 s2", plan_conv_same, 4, 2, 1, 9, 9},
           Measured{"pool k2 s2", plan_pool_same, 2, 2, 1, 8, 8},
           Measured{"pool k3 s2", plan_pool_same, 3, 2, 1, 8, 9},
           Measured{"pool k3 s1", plan_pool_same, 3, 1, 1, 16, 17},
           Measured{"pool k7 s7", plan_pool_same, 7, 7, 1, 3, 3},
           Measured{"depthwise k3 s2", plan_tensorflow_same, 3, 2, 1, 8, 9},
       }) {
    EXPECT_EQ(m.plan({16, m.kernel, m.stride, m.dilation}).output, m.of_16) << m.what;
    EXPECT_EQ(m.plan({17, m.kernel, m.stride, m.dilation}).output, m.of_17) << m.what;
  }
  for (const std::int64_t kernel : {2, 4}) {
    EXPECT_EQ(plan_transposed({16, kernel, 2}, 32, true).output, 32);
    EXPECT_EQ(plan_transposed({17, kernel, 2}, 34, true).output, 34);
  }
}

TEST(PaddingRules, PatchedSameIsSymmetric) {
  const auto plan = plan_conv_same({16, 7, 2});
  EXPECT_EQ(plan.begin, 3);
  EXPECT_EQ(plan.end, 3);
}

TEST(PaddingRules, TensorFlowsSamePutsTheSmallerHalfFirst) {
  const auto even = plan_tensorflow_same({16, 3, 2}), odd = plan_tensorflow_same({17, 3, 2});
  EXPECT_EQ(even.begin, 0);
  EXPECT_EQ(even.end, 1);
  EXPECT_EQ(odd.begin, 1);
  EXPECT_EQ(odd.end, 1);
}

TEST(PaddingRules, ATransposedConvolutionFillsRowsThatNoProductReaches) {
  // kernel 2, stride 3, size 4: products reach row 3 * 3 + 2 = 11, SAME wants 12
  const auto plan = plan_transposed({4, 2, 3}, 12, true);
  EXPECT_EQ(plan.begin, 0);
  EXPECT_EQ(plan.end, 0);
  EXPECT_EQ(plan.output_padding, 1);
}

TEST(PaddingRules, RefuseAWindowThatDoesNotFit) {
  EXPECT_THROW(plan_valid({4, 5, 1}), Error);
  EXPECT_THROW(plan_valid({4, 3, 1, 2}), Error);
  EXPECT_THROW(plan_transposed({4, 3, 2}, 20, true), Error);
  EXPECT_THROW(plan_transposed({4, 3, 2}, 2, false), Error);
}

}  // namespace
}  // namespace etalon
