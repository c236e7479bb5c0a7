#include "etalon/calibration/calibrate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <fstream>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/calibration/image_folder.hpp"
#include "etalon/calibration/scratch_folder.hpp"
#include "etalon/images/image.hpp"
#include "etalon/runtime/session.hpp"
#include "etalon/runtime/small_network.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

// Pictures of 28x20 whose bytes differ from one to the next; the brightest byte of picture i is 255 - 20 * i.
std::vector<fs::path> write_pictures(const fs::path& folder, int count) {
  std::vector<fs::path> paths;
  for (int i = 0; i < count; ++i) {
    Image image{PixelMode::kRgb, 28, 20, std::vector<std::uint8_t>(28 * 20 * 3), {}};
    for (std::size_t j = 0; j < image.pixels.size(); ++j) image.pixels[j] = static_cast<std::uint8_t>((j * 37 + static_cast<std::size_t>(i) * 11) % (256 - 20 * i));
    paths.push_back(folder / ("picture_" + std::to_string(i) + ".png"));
    std::ofstream(paths.back(), std::ios::binary) << encode_png(image);
  }
  return paths;
}

std::map<std::string, TensorStatistics> collect(const ModelProto& model, const std::vector<fs::path>& images, int threads = 0) {
  SilentProgress progress;
  return collect_statistics(model, images, 28, 20, {}, threads, progress);
}

TEST(CollectStatistics, IsTheSameInAnyOrderSplitAndNumberOfThreads) {
  const ScratchFolder folder;
  auto images = write_pictures(folder.path(), 5);
  const auto all = collect(small_network(), images, 1);
  EXPECT_EQ(all.size(), 10U);
  EXPECT_EQ(all.at("input_1").values, 5U * 3 * 20 * 28);
  EXPECT_EQ(all.at("input_1").max(), 1.0F);
  for (const int threads : {2, 3}) EXPECT_EQ(collect(small_network(), images, threads), all);
  auto part = collect(small_network(), {images[4], images[1]});
  const auto rest = collect(small_network(), {images[0], images[3], images[2]});
  for (auto& [name, statistics] : part) statistics.merge(rest.at(name));
  EXPECT_EQ(part, all);
}

TEST(CollectStatistics, DoesNotCountWhatDoesNotDecide) {
  ModelProto model = small_network();
  set_test_ints(add_test_node(*model.mutable_graph(), "MaxPool", {"activation_2/Relu"}, "pool"), "kernel_shape", {2, 2});
  *model.mutable_graph()->add_output() = test_value("pool", {-1, 16, 19, 27});
  const ScratchFolder folder;
  const auto statistics = collect(model, write_pictures(folder.path(), 1));
  EXPECT_FALSE(statistics.contains("pool"));
  const CalibrationCache cache = make_cache(model, statistics, Calibrator::kEntropy, {});
  EXPECT_EQ(cache.find("pool")->scale, cache.find("activation_2/Relu")->scale);
}

TEST(CollectStatistics, NamesTheFirstImageAndTheFirstTensorThatAreNotFinite) {
  if (runtime_facts().version == "stand-in") GTEST_SKIP() << "the stand-in computes nothing";
  // 1 / (max(x) - 215/255): infinite where a picture's brightest byte is 215, and that is picture 2.
  ModelProto model = test_model("input_1", {-1, 3, 20, 28});
  GraphProto& graph = *model.mutable_graph();
  TensorProto& limit = *graph.add_initializer();
  limit.set_name("limit");
  limit.set_data_type(TensorProto::FLOAT);
  limit.add_float_data(215.0F * (1.0F / 255.0F));
  add_test_node(graph, "GlobalMaxPool", {"input_1"}, "brightest");
  add_test_node(graph, "Sub", {"brightest", "limit"}, "distance");
  add_test_node(graph, "Reciprocal", {"distance"}, "closeness");
  add_test_node(graph, "Neg", {"closeness"}, "out");
  *graph.add_output() = test_value("out", {-1, 3, 1, 1});
  const ScratchFolder folder;
  const auto pictures = write_pictures(folder.path(), 4);
  try {
    collect(model, {pictures[0], pictures[3], pictures[2], pictures[1]});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kBadInput);
    EXPECT_THAT(error.problem(), testing::HasSubstr("tensor 'closeness'"));
    EXPECT_THAT(error.problem(), testing::HasSubstr("picture_2.png"));
  }
}

TEST(CollectStatistics, PassesOnABrokenPictureWithItsName) {
  const ScratchFolder folder;
  auto images = write_pictures(folder.path(), 4);
  for (const int broken : {1, 3}) std::ofstream(images[static_cast<std::size_t>(broken)]) << "no picture";
  try {
    collect(small_network(), images);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.line(), testing::HasSubstr("picture_1.png"));
  }
}

TEST(CollectStatistics, RefusesImagesOfAnotherSizeThanTheInput) {
  SilentProgress progress;
  EXPECT_THROW(collect_statistics(small_network(), {}, 20, 20, {}, 0, progress), Error);
}

TEST(MakeCache, HasALineForTheInputAndEveryTensorInNetworkOrder) {
  const ScratchFolder folder;
  const auto statistics = collect(small_network(), write_pictures(folder.path(), 2));
  const CalibrationCache cache = make_cache(small_network(), statistics, Calibrator::kMinMax, {10, 3, 0});
  EXPECT_EQ(cache.header, "TRT-100300-EntropyCalibration2");
  std::vector<std::string> names;
  for (const auto& line : cache.lines) names.push_back(line.tensor);
  EXPECT_EQ(names, activation_names(small_network().graph()));
  EXPECT_EQ(std::bit_cast<std::uint32_t>(cache.find("input_1")->scale), 0x3c010204U);  // largest pixel 1
  for (const auto& line : cache.lines) EXPECT_EQ(line.scale, statistics.at(line.tensor).max() / 127.0F) << line.tensor;
  EXPECT_EQ(make_cache(small_network(), statistics, Calibrator::kEntropy, {}).header, "TRT-8601-EntropyCalibration2");
}

TEST(MakeCache, NeedsStatisticsOfEveryTensorThatDecides) {
  const ScratchFolder folder;
  auto statistics = collect(small_network(), write_pictures(folder.path(), 1));
  statistics.erase("add_1/add");
  try {
    make_cache(small_network(), statistics, Calibrator::kEntropy, {});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.problem(), testing::HasSubstr("'add_1/add'"));
  }
}

CalibrationCache cache_of_small_network(float input_range, const char* index = "") {
  CalibrationCache cache{"TRT-8601-EntropyCalibration2", {}};
  for (const auto& name : activation_names(small_network().graph())) cache.lines.push_back({name + index, (name == "input_1" ? input_range : 3.0F) / 127.0F});
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

TEST(CheckCache, KnowsWhichInputRangesImagesCanGive) {
  const auto possible = [](float range) { return check_cache(cache_of_small_network(range), small_network(), {}).input_possible; };
  EXPECT_TRUE(possible(2048.5F / 2048));  // entropy, not clipped
  EXPECT_TRUE(possible(0.6F));            // entropy, clipped, or dark images
  EXPECT_FALSE(possible(1.01F));
  EXPECT_FALSE(possible(151.0F));         // a classifier's: 255 - 103.939
  EXPECT_FALSE(possible(0.002F));         // 1/255 taken away twice
  const Preprocessing caffe{.order = ChannelOrder::kBgr, .mean = {103.939, 116.779, 123.68}, .scale = 1};
  EXPECT_TRUE(check_cache(cache_of_small_network(151.0F), small_network(), caffe).input_possible);
  EXPECT_FALSE(check_cache(cache_of_small_network(1.0F), small_network(), caffe).input_possible);
}

}  // namespace
}  // namespace etalon
