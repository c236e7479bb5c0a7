#include "etalon/calibration/collect.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <fstream>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/calibration/image_folder.hpp"
#include "etalon/calibration/scale_sources.hpp"
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
    for (std::size_t j = 0; j < image.pixels.size(); ++j)
      image.pixels[j] =
          static_cast<std::uint8_t>((j * 37 + static_cast<std::size_t>(i) * 11) % (256 - 20 * i));
    paths.push_back(folder / ("picture_" + std::to_string(i) + ".png"));
    std::ofstream(paths.back(), std::ios::binary) << encode_png(image);
  }
  return paths;
}

const InputSize kSize{3, 20, 28};

CalibrationImages images_of(const std::vector<fs::path>& paths) {
  CalibrationImages images;
  for (const auto& path : paths) images.names.push_back(path.string());
  images.fill = [](std::size_t, const std::string& path, std::span<float> out) {
    load_calibration_image(path, kSize.width, kSize.height, {}, out);
  };
  return images;
}

std::map<std::string, TensorStatistics> collect(const ModelProto& model, const std::vector<fs::path>& paths,
                                                int threads = 0) {
  SilentProgress progress;
  CountedStatistics counted;
  collect_statistics(model, images_of(paths), {0, paths.size()},
                     {.tensors = deciding_tensors(model), .threads = threads}, counted, {}, progress);
  EXPECT_EQ(counted.images_done, paths.size());
  return counted.tensors;
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

// Asks to stop once some images are done.
class StoppingProgress final : public Progress {
 public:
  explicit StoppingProgress(std::uint64_t stop_at) : stop_at_(stop_at) {}
  void begin(std::string_view, std::uint64_t total) override { begun = total; }
  void advance(std::uint64_t count) override {
    done_ += count;
    if (done_ >= stop_at_) throw Error(Kind::kInterrupted, "stopped");
  }
  void end() override {}
  void check() override {}
  std::uint64_t begun = 0;

 private:
  std::uint64_t stop_at_, done_ = 0;
};

TEST(CollectStatistics, GoesOnWhereItWasStoppedToTheSameNumbers) {
  const ScratchFolder folder;
  const auto few = write_pictures(folder.path(), 5);
  std::vector<fs::path> paths;
  for (int i = 0; i < 100; ++i) paths.push_back(few[static_cast<std::size_t>(i % 5)]);
  const ModelProto model = small_network();
  CountedStatistics counted;
  std::vector<std::uint64_t> kept;
  const auto go_on = [&](Progress& progress) {
    collect_statistics(
        model, images_of(paths), {0, paths.size()}, {.tensors = deciding_tensors(model), .threads = 1},
        counted, [&] { kept.push_back(counted.images_done); }, progress);
  };
  StoppingProgress stopping(60);
  EXPECT_THROW(go_on(stopping), Error);
  ASSERT_EQ(kept.size(), 1U) << "what was counted when the user stopped is handed out once";
  EXPECT_GT(kept[0], 0U);
  EXPECT_LT(kept[0], 60U);
  EXPECT_EQ(counted.images_done, kept[0]);
  StoppingProgress rest(1000);
  go_on(rest);
  EXPECT_EQ(rest.begun, 100 - kept[0]);
  EXPECT_EQ(counted.images_done, 100U);
  EXPECT_EQ(counted.tensors, collect(model, paths));
}

TEST(CollectStatistics, KeepsNothingOfARunThatFails) {
  const ScratchFolder folder;
  const auto few = write_pictures(folder.path(), 2);
  std::vector<fs::path> paths(20, few[0]);
  paths[19] = few[1];
  std::ofstream(few[1]) << "no picture";
  CountedStatistics counted;
  bool kept = false;
  SilentProgress progress;
  EXPECT_THROW(collect_statistics(
                   small_network(), images_of(paths), {0, 20}, {.tensors = {"input_1"}, .threads = 1},
                   counted, [&] { kept = true; }, progress),
               Error);
  EXPECT_EQ(counted.images_done, 8U) << "the first block was whole";
  EXPECT_FALSE(kept);
}

TEST(CollectStatistics, TakesAPartOfTheImages) {
  const ScratchFolder folder;
  const auto paths = write_pictures(folder.path(), 5);
  SilentProgress progress;
  std::map<std::string, TensorStatistics> sum;
  for (const Part part : {Part{0, 2}, Part{2, 0}, Part{2, 3}}) {
    CountedStatistics counted;
    collect_statistics(small_network(), images_of(paths), part,
                       {.tensors = deciding_tensors(small_network())}, counted, {}, progress);
    EXPECT_EQ(counted.tensors.size(), 10U) << "also of no images";
    for (const auto& [name, statistics] : counted.tensors) sum[name].merge(statistics);
  }
  EXPECT_EQ(sum, collect(small_network(), paths));
}

}  // namespace
}  // namespace etalon
