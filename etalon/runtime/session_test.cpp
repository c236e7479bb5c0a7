// What holds for both implementations of a network: threads, order, errors, counts. Numbers:
// openvino_network_test.cpp.
#include "etalon/runtime/session.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "etalon/base/error.hpp"
#include "etalon/runtime/small_network.hpp"

namespace etalon {
namespace {

void fill_image(std::size_t index, std::span<float> input) {
  for (std::size_t i = 0; i < input.size(); ++i)
    input[i] = static_cast<float>((i * 31 + index * 977) % 256) / 255.0F;
}

std::vector<std::string> all_tensors() {
  return {"input_1",   "conv1/BiasAdd",     "activation_1/Relu", "conv2/BiasAdd", "shortcut/BiasAdd",
          "add_1/add", "activation_2/Relu", "cov/BiasAdd",       "cov/Sigmoid",   "bbox/BiasAdd"};
}

struct Ran {
  std::vector<Outputs> outputs;
  std::map<std::string, TensorStatistics> statistics;
};

Ran run_images_on(int threads, std::size_t count) {
  Session session(small_network(), {.threads = threads, .observe = all_tensors()});
  Ran ran;
  SilentProgress progress;
  session.run_all(
      count, fill_image,
      [&](std::size_t index, const Outputs& outputs) {
        EXPECT_EQ(index, ran.outputs.size());
        ran.outputs.push_back(outputs);
      },
      progress);
  ran.statistics = session.take_statistics();
  return ran;
}

TEST(Session, GivesTheSameBitsForAnyNumberOfThreads) {
  const Ran one = run_images_on(1, 9);
  ASSERT_EQ(one.outputs.size(), 9U);
  EXPECT_EQ(one.statistics.size(), all_tensors().size());
  for (const int threads : {2, 3, 0}) {
    const Ran many = run_images_on(threads, 9);
    EXPECT_EQ(many.statistics, one.statistics) << threads;
    ASSERT_EQ(many.outputs.size(), 9U);
    for (std::size_t i = 0; i < 9; ++i)
      for (const auto& [name, tensor] : one.outputs[i])
        EXPECT_EQ(many.outputs[i].at(name).values, tensor.values) << name << " of image " << i;
  }
}

TEST(Session, GivesOneImageAloneWhatItGivesItAmongOthers) {
  const Ran among = run_images_on(2, 4);
  Session session(small_network(), {});
  std::vector<float> input(session.input_size());
  fill_image(3, input);
  const Outputs alone = session.run(input);
  EXPECT_EQ(alone.size(), 2U);
  for (const auto& [name, tensor] : alone) EXPECT_EQ(tensor.values, among.outputs[3].at(name).values) << name;
}

TEST(Session, HandsOutputsToTheThreadsThatMadeThemAndDeliversInOrder) {
  const Ran all = run_images_on(2, 7);
  Session session(small_network(), {.threads = 2});
  std::vector<Outputs> used(7);
  std::vector<std::size_t> delivered;
  SilentProgress progress;
  session.run_each(
      7, fill_image, [&](std::size_t index, const Outputs& outputs) { used[index] = outputs; },
      [&](std::size_t index) { delivered.push_back(index); }, progress);
  EXPECT_EQ(delivered, (std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6}));
  for (std::size_t i = 0; i < 7; ++i)
    for (const auto& [name, tensor] : all.outputs[i]) EXPECT_EQ(used[i].at(name).values, tensor.values);
}

TEST(Session, KnowsItsInput) {
  const Session session(small_network(), {.threads = 1});
  EXPECT_EQ(session.input_shape(), (std::vector<std::int64_t>{1, 3, 20, 28}));
  EXPECT_EQ(session.input_size(), 3U * 20 * 28);
}

TEST(Session, CountsEveryValueOfTheInput) {
  Session session(small_network(), {.threads = 2, .observe = {"input_1"}});
  SilentProgress progress;
  session.run_all(5, fill_image, {}, progress);
  auto statistics = session.take_statistics();
  ASSERT_EQ(statistics.size(), 1U);
  EXPECT_EQ(statistics.at("input_1").values, 5U * 3 * 20 * 28);
  EXPECT_EQ(session.take_statistics().at("input_1").values, 0U) << "taking starts anew";
}

TEST(Session, PassesOnWhatFillingThrows) {
  Session session(small_network(), {.threads = 3});
  SilentProgress progress;
  try {
    session.run_all(
        20,
        [](std::size_t index, std::span<float>) {
          if (index >= 6) throw Error(Kind::kBadInput, "picture " + std::to_string(index));
        },
        {}, progress);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.problem(), "picture 6");
  }
  session.run_all(3, fill_image, {}, progress);  // and goes on working
}

TEST(Session, RefusesToObserveWhatTheNetworkDoesNotHave) {
  try {
    Session session(small_network(), {.observe = {"conv1/BiasAdd", "conv9"}});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kBadInput);
    EXPECT_EQ(error.problem(), "the network has no tensor 'conv9'");
  }
}

TEST(Session, RefusesAnInputWithoutFixedSize) {
  ModelProto model = small_network();
  model.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(2)
      ->set_dim_param("H");
  EXPECT_THROW(Session(model, {}), Error);
}

TEST(Session, RefusesTwoInputs) {
  ModelProto model = small_network();
  *model.mutable_graph()->add_input() = test_value("input_2", {-1, 16, 20, 28});
  model.mutable_graph()->mutable_node(4)->set_input(1, "input_2");
  EXPECT_THROW(Session(model, {}), Error);
}

}  // namespace
}  // namespace etalon
