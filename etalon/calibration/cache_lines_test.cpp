#include "etalon/calibration/cache_lines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>

#include "etalon/base/error.hpp"
#include "etalon/runtime/small_network.hpp"

namespace etalon {
namespace {

// |x| of some values for every tensor that decides; the input's largest is 1.
std::map<std::string, TensorStatistics> some_statistics() {
  std::map<std::string, TensorStatistics> all;
  float top = 1.0F;
  for (const std::string& name : activation_names(small_network().graph())) {
    TensorStatistics& s = all[name];
    for (const float value : {top, top / 2, top / 3}) {
      const auto bits = std::bit_cast<std::uint32_t>(value);
      ++s.values;
      ++s.buckets[bits >> 16];
      s.max_bits = std::max(s.max_bits, bits);
    }
    top += 0.37F;
  }
  return all;
}

TEST(MakeCache, HasALineForTheInputAndEveryTensorInNetworkOrder) {
  const auto statistics = some_statistics();
  const MadeCache made =
      make_cache(small_network(), statistics, {.calibrator = Calibrator::kMinMax}, {10, 3, 0});
  EXPECT_TRUE(made.without.empty());
  EXPECT_EQ(made.cache.header, "TRT-100300-EntropyCalibration2");
  std::vector<std::string> names;
  for (const auto& line : made.cache.lines) names.push_back(line.tensor);
  EXPECT_EQ(names, activation_names(small_network().graph()));
  EXPECT_EQ(std::bit_cast<std::uint32_t>(made.cache.find("input_1")->scale), 0x3c010204U);
  for (const auto& line : made.cache.lines)
    EXPECT_EQ(line.scale, statistics.at(line.tensor).max() / 127.0F) << line.tensor;
  EXPECT_EQ(make_cache(small_network(), statistics, {}, {}).cache.header, "TRT-8601-EntropyCalibration2");
}

TEST(MakeCache, WhatOnlyMovesValuesHasTheLineOfWhatItMoves) {
  ModelProto model = small_network();
  set_test_ints(add_test_node(*model.mutable_graph(), "MaxPool", {"activation_2/Relu"}, "pool"),
                "kernel_shape", {2, 2});
  *model.mutable_graph()->add_output() = test_value("pool", {-1, 16, 19, 27});
  const MadeCache made = make_cache(model, some_statistics(), {}, {});
  EXPECT_EQ(made.cache.find("pool")->scale, made.cache.find("activation_2/Relu")->scale);
  EXPECT_FALSE(made.chosen.contains("pool"));
}

TEST(MakeCache, ListsWhatHasNoStatistics) {
  auto statistics = some_statistics();
  statistics.erase("add_1/add");
  const MadeCache made = make_cache(small_network(), statistics, {}, {});
  EXPECT_THAT(made.without, testing::ElementsAre("add_1/add"));
  EXPECT_EQ(made.cache.find("add_1/add"), nullptr);
}

TEST(MakeCache, SaysWhoseRangeEachTensorHas) {
  const MadeCache made =
      make_cache(small_network(), some_statistics(), {.calibrator = Calibrator::kAuto}, {});
  EXPECT_EQ(made.chosen.size(), 10U);
  for (const auto& [tensor, choice] : made.chosen) {
    EXPECT_NE(choice.by, Calibrator::kAuto) << tensor;
    EXPECT_EQ(made.cache.find(tensor)->scale, choice.range / 127.0F) << tensor;
  }
}

CalibrationCache cache_of_small_network(float input_range, const char* index = "") {
  CalibrationCache cache{"TRT-8601-EntropyCalibration2", {}};
  for (const auto& name : activation_names(small_network().graph()))
    cache.lines.push_back({name + index, (name == "input_1" ? input_range : 3.0F) / 127.0F});
  return cache;
}

TEST(CheckCache, AcceptsItsOwnWithOrWithoutTheIndexInNames) {
  for (const char* index : {"", ":0"}) {
    const CacheFit fit = check_cache(cache_of_small_network(1.0F, index), small_network(), {});
    EXPECT_TRUE(fit.fits());
    EXPECT_TRUE(fit.surplus.empty());
    EXPECT_FLOAT_EQ(fit.input_range, 1.0F);
  }
}

TEST(CheckCache, ListsWhatIsMissingAndWhatIsTooMuch) {
  CalibrationCache cache = cache_of_small_network(1.0F);
  cache.lines[3].tensor = "another";
  const CacheFit fit = check_cache(cache, small_network(), {});
  EXPECT_FALSE(fit.fits());
  EXPECT_EQ(fit.missing, (std::vector<std::string>{activation_names(small_network().graph()).at(3)}));
  EXPECT_EQ(fit.surplus, (std::vector<std::string>{"another"}));
}

TEST(CheckCache, MissesNoLineOfATensorThatGetsNoRange) {
  CalibrationCache cache = cache_of_small_network(1.0F);
  std::erase_if(cache.lines, [](const CacheLine& line) { return line.tensor.starts_with("conv2/"); });
  EXPECT_TRUE(check_cache(cache, small_network(), {}, {"conv2/"}).fits());
  EXPECT_TRUE(check_cache(cache, small_network(), {}, {"conv2/BiasAdd"}).fits());
  EXPECT_FALSE(check_cache(cache, small_network(), {}, {"conv2"}).fits());
  EXPECT_FALSE(check_cache(cache, small_network(), {}).fits());
}

TEST(CheckCache, KnowsWhichLinesTensorRtWillNotFind) {
  EXPECT_TRUE(check_cache(cache_of_small_network(1.0F), small_network(), {}).spelt_otherwise.empty());
  EXPECT_EQ(check_cache(cache_of_small_network(1.0F, ":0"), small_network(), {}).spelt_otherwise,
            activation_names(small_network().graph()));
}

TEST(MakeCache, LeavesOutWhatGetsNoRange) {
  const auto whole = make_cache(small_network(), some_statistics(), {}, {}).cache;
  const MadeCache made = make_cache(small_network(), some_statistics(), {}, {}, {"conv2/", "cov/Sigmoid"});
  EXPECT_EQ(made.cache.lines.size() + 2, whole.lines.size());
  EXPECT_EQ(made.cache.find("conv2/BiasAdd"), nullptr);
  EXPECT_EQ(made.cache.find("cov/Sigmoid"), nullptr);
  EXPECT_TRUE(made.without.empty());
}

TEST(CheckCache, KnowsWhichInputRangesImagesCanGive) {
  const auto possible = [](float range) {
    return check_cache(cache_of_small_network(range), small_network(), {}).input_possible;
  };
  EXPECT_TRUE(possible(2048.5F / 2048));  // entropy, not clipped
  EXPECT_TRUE(possible(0.6F));            // entropy, clipped, or dark images
  EXPECT_FALSE(possible(1.01F));
  EXPECT_FALSE(possible(151.0F));  // a classifier's: 255 - 103.939
  EXPECT_FALSE(possible(0.002F));  // 1/255 taken away twice
  const Preprocessing caffe{.order = ChannelOrder::kBgr, .mean = {103.939, 116.779, 123.68}, .scale = 1};
  EXPECT_TRUE(check_cache(cache_of_small_network(151.0F), small_network(), caffe).input_possible);
  EXPECT_FALSE(check_cache(cache_of_small_network(1.0F), small_network(), caffe).input_possible);
}

}  // namespace
}  // namespace etalon
