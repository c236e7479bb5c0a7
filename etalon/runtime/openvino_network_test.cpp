// Numbers of the real networks, and that observing them costs no copies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <openvino/op/result.hpp>
#include <openvino/runtime/core.hpp>
#include <openvino/runtime/properties.hpp>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/runtime/openvino_call.hpp"
#include "etalon/runtime/operator_times.hpp"
#include "etalon/runtime/session.hpp"
#include "etalon/runtime/small_network.hpp"
#include "etalon/runtime/statistics_op.hpp"

namespace etalon {
namespace {

void fill_image(std::size_t index,
                std::span<float> input) {  // testdata/make_testdata.py makes the same images
  for (std::size_t i = 0; i < input.size(); ++i)
    input[i] = static_cast<float>((i * 31 + index * 977) % 256) / 255.0F;
}

struct Expected {
  std::uint64_t values, zeros;
  double max, sum;
};

std::map<std::string, Expected> expected_by_onnx_runtime() {
  std::ifstream file(ETALON_RUNTIME_TESTDATA "/small_network.txt");
  std::map<std::string, Expected> all;
  std::string name;
  Expected e{};
  while (file >> name >> e.values >> e.zeros >> e.max >> e.sum) all[name] = e;
  return all;
}

std::vector<std::string> names_of(const std::map<std::string, Expected>& all) {
  std::vector<std::string> names;
  for (const auto& [name, e] : all) names.push_back(name);
  return names;
}

std::map<std::string, TensorStatistics> statistics_of(const ModelProto& model,
                                                      const std::vector<std::string>& observe,
                                                      std::size_t images) {
  Session session(model, {.threads = 2, .observe = observe});
  SilentProgress progress;
  session.run_all(images, fill_image, {}, progress);
  return session.take_statistics();
}

TEST(OpenvinoSession, CountsWhatOnnxRuntimeComputes) {
  const auto expected = expected_by_onnx_runtime();
  ASSERT_EQ(expected.size(), 10U);
  const auto statistics = statistics_of(small_network(), names_of(expected), 5);
  for (const auto& [name, e] : expected) {
    const TensorStatistics& s = statistics.at(name);
    EXPECT_EQ(s.values, e.values) << name;
    EXPECT_EQ(s.zeros(), e.zeros) << name;
    EXPECT_EQ(s.nans + s.infinities, 0U) << name;
    EXPECT_NEAR(s.max(), e.max, 1e-5 * e.max) << name;  // sums in another order
    // A bucket's values lie between its edges: so does the sum of |x|, 1/128 apart.
    double low = 0, high = 0;
    for (std::uint32_t key = 0; key < TensorStatistics::kBuckets; ++key) {
      if (s.buckets[key] == 0) continue;
      low += static_cast<double>(s.buckets[key]) * TensorStatistics::edge(key);
      high += static_cast<double>(s.buckets[key]) * TensorStatistics::edge(key + 1);
    }
    EXPECT_LE(low, e.sum * (1 + 1e-5)) << name;
    EXPECT_GE(high, e.sum * (1 - 1e-5)) << name;
  }
}

TEST(OpenvinoSession, OutputsAreThoseOfOnnxRuntime) {
  const auto expected = expected_by_onnx_runtime();
  Session session(small_network(), {.threads = 2});
  std::map<std::string, double> sum;
  SilentProgress progress;
  session.run_all(
      5, fill_image,
      [&](std::size_t, const Outputs& outputs) {
        EXPECT_EQ(outputs.size(), 2U);
        EXPECT_EQ(outputs.at("bbox/BiasAdd").shape, (std::vector<std::int64_t>{1, 12, 20, 28}));
        for (const auto& [name, tensor] : outputs)
          for (const float x : tensor.values) sum[name] += std::fabs(static_cast<double>(x));
      },
      progress);
  for (const auto& [name, total] : sum)
    EXPECT_NEAR(total, expected.at(name).sum, 1e-5 * expected.at(name).sum) << name;
}

TEST(OpenvinoSession, AReluTakenFromItsInputIsTheReluCountedItself) {
  const auto taken = statistics_of(small_network(), {"conv1/BiasAdd", "activation_1/Relu"}, 4);
  const auto counted = statistics_of(small_network(), {"activation_1/Relu"}, 4);
  EXPECT_EQ(taken.at("activation_1/Relu"), counted.at("activation_1/Relu"));
  EXPECT_NE(taken.at("conv1/BiasAdd"), counted.at("activation_1/Relu"));
}

TEST(OpenvinoSession, ABatchFixedInTheModelBecomesOne) {
  ModelProto model = small_network();
  for (auto* value : {model.mutable_graph()->mutable_input(0), model.mutable_graph()->mutable_output(0),
                      model.mutable_graph()->mutable_output(1)})
    value->mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_dim_value(8);
  EXPECT_EQ(statistics_of(model, {"add_1/add"}, 3), statistics_of(small_network(), {"add_1/add"}, 3));
}

TEST(OpenvinoSession, TwoNamesOfOneTensorAreBothServed) {
  ModelProto model = small_network();
  add_test_node(*model.mutable_graph(), "Identity", {"bbox/BiasAdd"}, "again");
  *model.mutable_graph()->add_output() = test_value("again", {-1, 12, 20, 28});
  Session session(model, {.threads = 1, .observe = {"bbox/BiasAdd", "again"}});
  std::vector<float> input(session.input_size(), 0.5F);
  const auto outputs = session.run(input);
  EXPECT_EQ(outputs.size(), 3U);
  EXPECT_EQ(outputs.at("again").values, outputs.at("bbox/BiasAdd").values);
  const auto statistics = session.take_statistics();
  EXPECT_EQ(statistics.at("again"), statistics.at("bbox/BiasAdd"));
}

TEST(OpenvinoSession, CountsNansAndInfinitiesThatTheNetworkMakes) {
  ModelProto model = test_model("x", {-1, 4});
  add_test_node(*model.mutable_graph(), "Log", {"x"}, "y");
  *model.mutable_graph()->add_output() = test_value("y", {-1, 4});
  Session session(model, {.threads = 1, .observe = {"y"}});
  session.run(std::vector<float>{0.0F, -1.0F, 1.0F, 2.0F});
  const auto y = session.take_statistics().at("y");
  EXPECT_EQ(y.infinities, 1U);
  EXPECT_EQ(y.nans, 1U);
  EXPECT_EQ(y.zeros(), 1U);
  EXPECT_NEAR(y.max(), std::log(2.0), 1e-6);
}

TEST(OpenvinoSession, RefusesAModelThatOpenvinoCannotRead) {
  ModelProto model = small_network();
  model.mutable_graph()->mutable_node(7)->set_op_type("NoSuchOperator");
  try {
    Session session(model, {});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.line(), testing::HasSubstr("NoSuchOperator"));
    EXPECT_THAT(error.line(), testing::Not(testing::HasSubstr("\n")));
  }
}

TEST(OpenvinoSession, RefusesToObserveAConstant) {
  try {
    Session session(small_network(), {.observe = {"conv1/BiasAdd/w"}});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.problem(),
                testing::AnyOf(testing::HasSubstr("is a constant"), testing::HasSubstr("has no tensor")));
  }
}

TEST(OpenvinoSession, RefusesWeightsInOtherFiles) {
  ModelProto model = small_network();
  model.mutable_graph()->mutable_initializer(0)->set_data_location(TensorProto::EXTERNAL);
  EXPECT_THROW(Session(model, {}), Error);
}

TEST(OpenvinoMessage, IsOneLineOfWordsForPeople) {
  EXPECT_EQ(openvino_message("Exception from src/x.cpp:12:\nCheck 'a' failed:\n  no such thing\n\n"),
            "Check 'a' failed:; no such thing");
}

TEST(RuntimeFacts, NameVersionAndProcessor) {
  const RuntimeFacts facts = runtime_facts();
  EXPECT_THAT(facts.version, testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_FALSE(facts.device.empty());
  EXPECT_THAT(facts.capabilities, testing::Contains("FP32"));
}

// The plugin's own account of what it executes. A tap must read a convolution's result in place: no reorder
// or transpose that is executed may stand before it. And it must come before later layers, while the data are
// in the cache.
TEST(StatisticsOp, ReadsConvolutionsInPlaceRightAfterThem) {
  ov::Core core;
  const auto model = core.read_model(small_network().SerializeAsString(), ov::Tensor());
  model->reshape(ov::PartialShape{1, 3, 20, 28});
  ov::ResultVector results;
  std::vector<std::shared_ptr<Tap>> taps;
  for (const auto& node : model->get_ordered_ops())
    for (const auto& output : node->outputs())
      if (const auto& names = output.get_names();
          !ov::is_type<ov::op::v0::Result>(node) &&
          (names.contains("activation_1/Relu") || names.contains("activation_2/Relu")))
        results.push_back(tapped_result(output, taps.emplace_back(std::make_shared<Tap>())));
  ASSERT_EQ(results.size(), 2U);
  for (const auto& own : model->get_results()) results.push_back(own);
  const auto tapped = std::make_shared<ov::Model>(results, model->get_parameters());
  auto compiled = core.compile_model(
      tapped, "CPU",
      {ov::hint::inference_precision(ov::element::f32), ov::num_streams(1), ov::inference_num_threads(1)});
  const auto fact = [](const std::shared_ptr<ov::Node>& node, const char* key) {
    return node->get_rt_info().at(key).as<std::string>();
  };
  std::map<int, std::string> order;
  int tap_count = 0;
  for (const auto& node : compiled.get_runtime_model()->get_ordered_ops()) {
    const std::string kind = fact(node, "layerType");
    order[std::stoi(fact(node, "execOrder"))] = kind;
    if (kind != "Reference") continue;
    ++tap_count;
    for (auto source = node->get_input_node_shared_ptr(0); fact(source, "layerType") != "Convolution";
         source = source->get_input_node_shared_ptr(0)) {
      const std::string between = fact(source, "layerType");
      if (between == "Reorder" || between == "Transpose" || between == "Reshape") {
        EXPECT_EQ(fact(source, "execTimeMcs"), "not_executed") << "a copy: " << source->get_friendly_name();
      } else {
        ADD_FAILURE() << "unexpected " << between << " between a convolution and its tap";
        break;
      }
    }
  }
  EXPECT_EQ(tap_count, 2);
  int convolutions_before_first_tap = 0;
  for (const auto& [place, kind] : order) {
    if (kind == "Reference") break;
    if (kind == "Convolution") ++convolutions_before_first_tap;
  }
  EXPECT_EQ(convolutions_before_first_tap, 1);
}

bool has_bf16() {
  const auto capabilities = runtime_facts().capabilities;
  return std::ranges::count(capabilities, "BF16") > 0;
}

std::map<std::string, TensorStatistics> statistics_in(RunPrecision precision, const ModelProto& model,
                                                      const std::vector<std::string>& observe,
                                                      std::size_t images) {
  Session session(model, {.threads = 2, .precision = precision, .observe = observe});
  SilentProgress progress;
  session.run_all(images, fill_image, {}, progress);
  return session.take_statistics();
}

// The range whose 127 steps lose least: values below half a step become zero, those above the range are
// clipped to it, the others are off by step^2/12 on average.
double least_squares_range(const TensorStatistics& s) {
  double best = 0, least = std::numeric_limits<double>::infinity();
  for (double range = s.max(); range > s.max() / 4; range *= 0.999) {
    const double step = range / 127;
    double error = 0;
    for (std::uint32_t key = 1; key < TensorStatistics::kBuckets; ++key) {
      if (s.buckets[key] == 0) continue;
      const double x = (static_cast<double>(TensorStatistics::edge(key)) +
                        static_cast<double>(TensorStatistics::edge(key + 1))) /
                       2;
      error += static_cast<double>(s.buckets[key]) * (x > range      ? (x - range) * (x - range)
                                                      : x > step / 2 ? step * step / 12
                                                                     : x * x);
    }
    if (error < least) {
      least = error;
      best = range;
    }
  }
  return best;
}

// Where a convolution with its activation is observed, OpenVINO hands over the float32 sums before it rounds
// them to bf16 for the next layer: the lower halves of the numbers are not all zero. (A tensor between the
// two is rounded already.)
TEST(OpenvinoSession, ObservesFloat32WhileComputingInBf16) {
  if (!has_bf16()) GTEST_SKIP() << "this processor does not compute in bf16";
  const std::vector<std::string> ends{"input_1", "activation_1/Relu", "activation_2/Relu", "cov/Sigmoid",
                                      "bbox/BiasAdd"};
  const auto f32 = statistics_in(RunPrecision::kF32, small_network(), ends, 5),
             bf16 = statistics_in(RunPrecision::kBf16, small_network(), ends, 5);
  for (const auto& [name, exact] : f32) {
    EXPECT_EQ(bf16.at(name).values, exact.values) << name;
    EXPECT_NEAR(bf16.at(name).max(), exact.max(), 0.01 * exact.max()) << name;
  }
  for (const char* name : {"activation_1/Relu", "activation_2/Relu"}) {
    EXPECT_NE(bf16.at(name).max_bits & 0xffffU, 0U) << name << " is rounded";
    EXPECT_NE(bf16.at(name), f32.at(name)) << name << " was computed in float32";
  }
}

// On photographs they are within 1 % (docs/statistics.md); these are patterns that the network was not
// trained for.
TEST(OpenvinoSession, RangesOfTheTrainedResnetInBf16AreNearlyThoseOfFloat32) {
  const char* data = std::getenv("ETALON_DATA");
  if (!data) GTEST_SKIP() << "ETALON_DATA names no folder";
  if (!has_bf16()) GTEST_SKIP() << "this processor does not compute in bf16";
  ModelProto model;
  const Bytes bytes = read_file(std::string(data) + "/models/detectnet_v2/bccd_resnet18.nvidia.onnx");
  ASSERT_TRUE(model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  std::vector<std::string> ends{
      model.graph().input(0).name()};  // what INT8 uses: inputs of convolutions and outputs
  for (const NodeProto& node : model.graph().node())
    if (node.op_type() == "Conv") ends.push_back(node.input(0));
  for (const auto& output : model.graph().output()) ends.push_back(output.name());
  const auto bf16 = statistics_in(RunPrecision::kBf16, model, ends, 8);
  for (const auto& [name, exact] : statistics_in(RunPrecision::kF32, model, ends, 8)) {
    const double range = least_squares_range(exact);
    EXPECT_NEAR(least_squares_range(bf16.at(name)), range, 0.015 * range) << name;
  }
}

// Over the supplied model: all its tensors, counted once by one thread and once by two.
TEST(OpenvinoSession, CountsTheTrainedResnetAlikeWithOneAndTwoThreads) {
  const char* data = std::getenv("ETALON_DATA");
  if (!data) GTEST_SKIP() << "ETALON_DATA names no folder";
  ModelProto model;
  const Bytes bytes = read_file(std::string(data) + "/models/detectnet_v2/bccd_resnet18.nvidia.onnx");
  ASSERT_TRUE(model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  std::vector<std::string> all{model.graph().input(0).name()};
  for (const NodeProto& node : model.graph().node()) all.push_back(node.output(0));
  ASSERT_EQ(all.size(), 54U);
  std::map<std::string, TensorStatistics> one;
  for (const int threads : {1, 2}) {
    Session session(model, {.threads = threads, .observe = all});
    SilentProgress progress;
    session.run_all(4, fill_image, {}, progress);
    auto statistics = session.take_statistics();
    EXPECT_EQ(statistics.size(), all.size());
    for (const auto& [name, s] : statistics) {
      std::uint64_t counted = s.nans + s.infinities;
      for (const auto count : s.buckets) counted += count;
      EXPECT_EQ(counted, s.values) << name;
    }
    if (threads == 1)
      one = std::move(statistics);
    else
      EXPECT_EQ(statistics, one);
  }
}

TEST(OperatorTimes, NamesWhatOpenvinoExecutesForAnImage) {
  const ModelProto model = small_network();
  std::vector<float> image(Session(model, {.threads = 1}).input_size());
  fill_image(0, image);
  const auto convolutions = std::ranges::count(model.graph().node(), "Conv", &NodeProto::op_type);
  const auto operators = operator_times(model, image, 3);
  EXPECT_EQ(std::ranges::count(operators, "Convolution", &OperatorTime::type), convolutions);
  for (const OperatorTime& row : operators) {
    EXPECT_GE(row.milliseconds, 0) << row.name;
    EXPECT_FALSE(row.name.empty());
  }
}

TEST(OperatorTimes, RefusesAnInputOfAnotherSize) {
  EXPECT_THROW(operator_times(small_network(), std::vector<float>(3), 1), Error);
}

}  // namespace
}  // namespace etalon
