#include "etalon/networks/mask_rcnn/describe_checkpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/networks/mask_rcnn/checkpoint_maker.hpp"
#include "etalon/networks/mask_rcnn/variable_names.hpp"

namespace etalon {
namespace {

using testing::ElementsAre;

TEST(DescribeMaskRcnn, KnowsEveryDepthByItsVariables) {
  for (const auto& net : resnets()) {
    const auto seen = describe_mask_rcnn(CheckpointMaker({.layers = net.layers}).take());
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->layers, net.layers);
    EXPECT_TRUE(seen->complete);
  }
}

TEST(DescribeMaskRcnn, SaysWhichWidthsThereAre) {
  CheckpointMaker maker({.layers = 50});
  maker.set("conv1/kernel/Momentum", {7, 7, 3, 2});
  maker.set("fc6/bias/Momentum", {14});
  const auto seen = describe_mask_rcnn(maker.take());
  ASSERT_TRUE(seen);
  EXPECT_THAT(seen->backbone_widths, ElementsAre(7, 8, 9, 10));
  EXPECT_EQ(seen->pyramid_width, 12);
  EXPECT_EQ(seen->head_width, 15);
  EXPECT_EQ(seen->class_count, 3);
  EXPECT_EQ(seen->anchors_per_cell, 3);
  EXPECT_TRUE(seen->pruned);
  EXPECT_EQ(seen->optimizer_slots, 2U);
  EXPECT_EQ(seen->step, 5);
}

TEST(DescribeMaskRcnn, CountsNeitherSlotsNorTheStep) {
  CheckpointMaker maker;
  std::uint64_t numbers = 0;
  for (const auto& [name, variable] : maker.variables()) {
    std::uint64_t count = 1;
    for (const auto axis : variable.shape) count *= static_cast<std::uint64_t>(axis);
    if (name != "global_step") numbers += count;
  }
  maker.set("fc6/bias/Momentum", {14});
  maker.set("current_loss_scale", {});
  EXPECT_EQ(describe_mask_rcnn(maker.take())->parameter_count, numbers);
}

TEST(DescribeMaskRcnn, CallsANetworkOfFullWidthNotPruned) {
  const NarrowNetwork full{.layers = 10,
                           .stem = 64,
                           .inside = {64, 128, 256, 512},
                           .blocks = {64, 128, 256, 512},
                           .lateral = 256,
                           .pyramid = 256,
                           .rpn = 256,
                           .mask = 256,
                           .upsampled = 256};
  CheckpointMaker maker(full);
  EXPECT_FALSE(describe_mask_rcnn(maker.take())->pruned);
  maker.set("block_3a_conv_1/kernel", {3, 3, 128, 248});
  EXPECT_TRUE(describe_mask_rcnn(maker.take())->pruned);
}

TEST(DescribeMaskRcnn, KnowsADepthThatIsNotComplete) {
  CheckpointMaker maker({.layers = 34});
  maker.remove("block_3f_conv_2/kernel");
  const auto seen = describe_mask_rcnn(maker.take());
  EXPECT_EQ(seen->layers, 34);
  EXPECT_FALSE(seen->complete);
}

TEST(DescribeMaskRcnn, NamesNoDepthForAnotherBackbone) {
  CheckpointMaker maker;
  for (const auto& name : backbone_variables(*find_resnet(10))) maker.remove(name);
  const auto seen = describe_mask_rcnn(maker.take());
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->layers, 0);
  EXPECT_EQ(seen->class_count, 3);
}

TEST(DescribeMaskRcnn, KnowsNothingOfOtherNetworks) {
  CheckpointMaker maker;
  for (const std::string name : {"rpn/kernel", "fc6/kernel", "mask_fcn_logits/kernel"}) maker.remove(name);
  EXPECT_FALSE(describe_mask_rcnn(maker.take()));
}

}  // namespace
}  // namespace etalon
