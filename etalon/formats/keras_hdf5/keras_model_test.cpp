// The files in testdata/ are made by h5py (testdata/make_testdata.py), which also gave the expected numbers.
#include "etalon/formats/keras_hdf5/keras_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using Shape = std::vector<std::int64_t>;

fs::path test_file(const std::string& name) { return fs::path(ETALON_KERAS_TESTDATA) / name; }

// Through both overloads, which must agree.
KerasModel read(const fs::path& path) {
  KerasModel model = read_keras_hdf5(path);
  const Bytes bytes = read_file(path);
  const KerasModel again = read_keras_hdf5(ByteView(bytes));
  EXPECT_EQ(again.parameter_count, model.parameter_count);
  EXPECT_EQ(again.layers.size(), model.layers.size());
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    EXPECT_EQ(again.layers[i].weights.size(), model.layers[i].weights.size());
    for (std::size_t w = 0; w < model.layers[i].weights.size(); ++w)
      EXPECT_EQ(again.layers[i].weights[w].values, model.layers[i].weights[w].values);
  }
  return model;
}

const KerasLayer& layer(const KerasGraph& graph, std::string_view name) {
  for (const auto& at : graph.layers)
    if (at.name == name) return at;
  throw Error(Kind::kInternal, "no such layer in the test's model");
}

std::vector<std::string> weight_names(const KerasLayer& of) {
  std::vector<std::string> names;
  for (const auto& weight : of.weights) names.push_back(weight.name);
  return names;
}

class PlainModels : public testing::TestWithParam<const char*> {};

TEST_P(PlainModels, HaveTheSameLayersAndWeights) {
  const KerasModel model = read(test_file(GetParam()));
  EXPECT_EQ(model.keras_version, "2.2.4");
  EXPECT_EQ(model.backend, "tensorflow");
  EXPECT_EQ(model.parameter_count, 8U);
  ASSERT_EQ(model.layers.size(), 3U);
  EXPECT_EQ(model.layers[0].class_name, "InputLayer");
  EXPECT_TRUE(model.layers[0].weights.empty());
  EXPECT_TRUE(model.layers[2].weights.empty());
  const KerasLayer& conv = model.layers[1];
  EXPECT_EQ(conv.config["filters"], 2);
  ASSERT_THAT(weight_names(conv), ElementsAre("conv1/kernel:0", "conv1/bias:0"));
  EXPECT_EQ(conv.weights[0].shape, (Shape{1, 1, 3, 2}));
  EXPECT_THAT(conv.weights[0].values, ElementsAre(1.0F, 1.125F, 1.25F, 1.375F, 1.5F, 1.625F));
  EXPECT_EQ(conv.weights[1].shape, Shape{2});
  EXPECT_THAT(conv.weights[1].values, ElementsAre(-2.0F, -1.875F));
}

// newer_writer: UTF-8 strings, float64 in gzip-packed chunks, new-style groups, optimizer_weights to be left
// alone.
INSTANTIATE_TEST_SUITE_P(Writers, PlainModels,
                         testing::Values("plain.hdf5", "fixed_text.hdf5", "newer_writer.hdf5",
                                         "split_lists.hdf5", "sequential.hdf5"));

TEST(KerasHdf5, WidensHalfFloatsExactly) {
  const KerasModel model = read(test_file("float16.hdf5"));
  const KerasLayer& conv = layer(model, "conv1");
  // NumPy's float32 of the same halves; the fourth and fifth are subnormal, the fifth is the smallest there
  // is.
  EXPECT_THAT(conv.weights[0].values, ElementsAre(1.5F, -2.0F, 65504.0F, 0x1p-14F, 0x1p-24F, 0x1.554p-2F));
  EXPECT_EQ(conv.weights[1].values[1], 0.0F);
  EXPECT_TRUE(std::signbit(conv.weights[1].values[1]));
}

TEST(KerasHdf5, ReadsScalarsAndNamesWithTensorFlowsNumber) {
  const KerasModel model = read(test_file("quantised.hdf5"));
  const KerasWeight& scale = layer(model, "input_1_qdq").weights.at(0);
  EXPECT_EQ(scale.shape, Shape{});
  EXPECT_THAT(scale.values, ElementsAre(0.75F));
  EXPECT_THAT(weight_names(layer(model, "conv1")), ElementsAre("conv1_1/kernel:0", "conv1_1/bias:0"));
  EXPECT_EQ(model.parameter_count, 9U);
}

TEST(KerasHdf5, GivesTheWeightsOfANestedModelToItsLayers) {
  for (const auto& [file, number, last] :
       {std::tuple{"nested.hdf5", "", "dense"}, std::tuple{"nested_numbered.hdf5", "_1", "dense"},
        std::tuple{"nested_ambiguous.hdf5", "_1", "conv_1"}}) {
    SCOPED_TRACE(file);
    const KerasModel model = read(test_file(file));
    EXPECT_EQ(model.parameter_count, 22U);
    const KerasLayer& nested = layer(model, "inner");
    EXPECT_EQ(nested.calls.size(), 2U);
    EXPECT_TRUE(nested.weights.empty());
    ASSERT_TRUE(nested.graph);
    EXPECT_EQ(nested.graph->name, "inner");
    const KerasLayer& norm = layer(*nested.graph, "bn");
    const std::string prefix = std::string("bn") + number;
    EXPECT_THAT(weight_names(norm), ElementsAre(prefix + "/gamma:0", prefix + "/beta:0",
                                                prefix + "/moving_mean:0", prefix + "/moving_variance:0"));
    EXPECT_THAT(norm.weights[2].values, ElementsAre(7.0F, 7.125F));
    EXPECT_THAT(layer(*nested.graph, "conv").weights[1].values, ElementsAre(2.0F, 2.125F));
    EXPECT_THAT(layer(*nested.graph, last).weights[1].values, ElementsAre(6.0F, 6.125F));
  }
}

TEST(KerasHdf5, IsKnownByItsFirstBytes) {
  EXPECT_TRUE(looks_like_hdf5(read_file_head(test_file("plain.hdf5"), 8)));
  EXPECT_FALSE(looks_like_hdf5(as_bytes("PK\x03\x04")));
  EXPECT_FALSE(looks_like_hdf5({}));
}

TEST(KerasHdf5, ReadsTrainedModels) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA is not set: no trained models to read";
  const fs::path folder = fs::path(data) / "models/detectnet_v2";
  // All numbers as h5py gives them.
  const KerasModel small = read(folder / "bccd_resnet10.hdf5");
  EXPECT_EQ(small.parameter_count, 4926543U);
  EXPECT_EQ(small.layers.size(), 42U);
  const KerasWeight& kernel = layer(small, "conv1").weights.at(0);
  EXPECT_EQ(kernel.shape, (Shape{7, 7, 3, 64}));
  EXPECT_EQ(kernel.values.front(), 0x1.ba060ep-6F);
  EXPECT_EQ(kernel.values.back(), 0x1.5fb536p-7F);
  EXPECT_EQ(layer(small, "bn_conv1").weights.at(3).name, "bn_conv1/moving_variance:0");
  EXPECT_EQ(layer(small, "bn_conv1").weights.at(3).values.front(), 0x1.420c28p-6F);
  EXPECT_EQ(layer(small, "output_bbox").weights.at(0).values.back(), -0x1.174cep-5F);

  const KerasModel pruned = read(folder / "bccd_resnet18.hdf5");
  EXPECT_EQ(pruned.parameter_count, 3416543U);
  EXPECT_EQ(layer(pruned, "conv1").weights.at(0).shape, (Shape{7, 7, 3, 40}));
  EXPECT_EQ(layer(pruned, "conv1").weights.at(0).values.back(), -0x1.d0cac4p-8F);
  EXPECT_EQ(layer(pruned, "bn_conv1").weights.at(2).values.front(), -0x1.1ab184p-1F);
  EXPECT_EQ(layer(pruned, "output_cov").weights.at(1).values.back(), -0x1.6b5926p-6F);
  EXPECT_THAT(pruned.outputs,
              ElementsAre(KerasTensorRef{"output_bbox", 0, 0}, KerasTensorRef{"output_cov", 0, 0}));
}

}  // namespace
}  // namespace etalon
