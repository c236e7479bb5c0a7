#include "etalon/runtime/observation_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/runtime/small_network.hpp"

namespace etalon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(PlanObservations, TakesAReluFromItsInputWhenBothAreWanted) {
  const auto plan = plan_observations(small_network().graph(), {"input_1", "conv1/BiasAdd", "activation_1/Relu"});
  ASSERT_EQ(plan.size(), 2U);
  EXPECT_EQ(plan[0].tensor, "input_1");
  EXPECT_THAT(plan[0].rectified, IsEmpty());
  EXPECT_EQ(plan[1].tensor, "conv1/BiasAdd");
  EXPECT_THAT(plan[1].rectified, ElementsAre("activation_1/Relu"));
}

TEST(PlanObservations, CountsAReluItselfWhenItsInputIsNotWanted) {
  const auto plan = plan_observations(small_network().graph(), {"activation_1/Relu"});
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_EQ(plan[0].tensor, "activation_1/Relu");
  EXPECT_THAT(plan[0].rectified, IsEmpty());
}

TEST(PlanObservations, DoesNotTakeASigmoidFromItsInput) {
  EXPECT_EQ(plan_observations(small_network().graph(), {"cov/BiasAdd", "cov/Sigmoid"}).size(), 2U);
}

TEST(PlanObservations, FollowsReluOfRelu) {
  ModelProto model = test_model("x", {-1, 4});
  add_test_node(*model.mutable_graph(), "Relu", {"x"}, "y");
  add_test_node(*model.mutable_graph(), "Relu", {"y"}, "z");
  const auto plan = plan_observations(model.graph(), {"z", "y", "x", "y"});
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_EQ(plan[0].tensor, "x");
  EXPECT_THAT(plan[0].rectified, ElementsAre("z", "y"));
}

TEST(PlanObservations, KnowsNothingOfAReluOfAnotherDomain) {
  ModelProto model = test_model("x", {-1, 4});
  add_test_node(*model.mutable_graph(), "Relu", {"x"}, "y").set_domain("com.example");
  EXPECT_EQ(plan_observations(model.graph(), {"x", "y"}).size(), 2U);
}

}  // namespace
}  // namespace etalon
