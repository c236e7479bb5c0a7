#include "etalon/networks/detectnet_v2/detectnet_v2.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string_view>

#include "etalon/base/error.hpp"
#include "etalon/networks/keras_layers/model_maker.hpp"
#include "etalon/onnx/padding_fault.hpp"

namespace etalon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A ResNet of one block with a projection, and the heads, in TAO's names.
KerasModel tiny_resnet(std::int64_t classes = 2, std::int64_t channels = 3) {
  ModelMaker maker({channels, 32, 48});
  const auto relu = [&](const std::string& name, const std::string& input) {
    maker.add("Activation", name, {{"activation", "relu"}}, {input});
  };
  maker.conv("conv1", "input_1", channels, 4, 7, 2);
  maker.batch_norm("bn_conv1", "conv1", 4);
  relu("activation_1", "bn_conv1");
  maker.conv("block_1a_conv_1", "activation_1", 4, 4, 3, 2);
  maker.batch_norm("block_1a_bn_1", "block_1a_conv_1", 4);
  relu("block_1a_relu_1", "block_1a_bn_1");
  maker.conv("block_1a_conv_2", "block_1a_relu_1", 4, 4, 3);
  maker.batch_norm("block_1a_bn_2", "block_1a_conv_2", 4);
  maker.conv("block_1a_conv_shortcut", "activation_1", 4, 4, 1, 2).config["padding"] = "valid";
  maker.batch_norm("block_1a_bn_shortcut", "block_1a_conv_shortcut", 4);
  maker.add("Add", "add_1", {}, {"block_1a_bn_2", "block_1a_bn_shortcut"});
  relu("block_1a_relu", "add_1");
  maker.conv("output_bbox", "block_1a_relu", 4, 4 * classes, 1);
  maker.conv("output_cov", "block_1a_relu", 4, classes, 1, 1, "sigmoid");
  return maker.take({"output_bbox", "output_cov"});
}

DetectnetV2Spec spec_of(const std::string& text) { return parse_detectnet_v2_spec(text); }

constexpr const char* kTwoClasses = R"(
  cost_function_config { target_classes { name: "car" } target_classes { name: "person" } }
  model_config { objective_set { bbox { scale: 17.5 offset: 0.25 } cov { } } }
  postprocessing_config {
    target_class_config { key: "person" value { clustering_config {
      clustering_algorithm: DBSCAN coverage_threshold: 0.05 dbscan_eps: 0.3 dbscan_min_samples: 1
      dbscan_confidence_threshold: 0.9 minimum_bounding_box_height: 4 } } } })";

std::string refusal(KerasModel model, const DetectnetV2Spec* spec = nullptr) {
  try {
    deployable_from_keras(std::move(model), spec, {});
  } catch (const Error& error) {
    return error.line();
  }
  return "no error";
}

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// The names are promises: calibration caches and DeepStream configurations hold them.
TEST(DetectnetV2, KeepsTheNamesOfTheGoldenList) {
  const auto net = deployable_from_keras(tiny_resnet(), nullptr, {});
  EXPECT_EQ(activation_names(net.model.graph()), lines_of(ETALON_TESTDATA "/tiny_resnet.tensors.txt"));
}

TEST(DetectnetV2, SaysWhatGoesInAndWhatComesOut) {
  const auto net = deployable_from_keras(tiny_resnet(), nullptr, {});
  EXPECT_EQ(net.network, "detectnet_v2");
  EXPECT_EQ(net.input, "input_1");
  EXPECT_EQ(net.channels, 3);
  EXPECT_EQ(net.height, 32);
  EXPECT_EQ(net.width, 48);
  EXPECT_EQ(net.class_count, 2);
  ASSERT_EQ(net.outputs.size(), 2U);
  EXPECT_EQ(net.outputs[0].tensor, "output_cov/Sigmoid");
  EXPECT_EQ(net.outputs[0].role, OutputRole::kCoverage);
  EXPECT_EQ(net.outputs[1].tensor, "output_bbox/BiasAdd");
  EXPECT_EQ(net.outputs[1].role, OutputRole::kBoxes);
  EXPECT_EQ(shape_of(net.model.graph().output(0)), (Shape{std::nullopt, 2, 8, 12}));
  EXPECT_EQ(shape_of(net.model.graph().output(1)), (Shape{std::nullopt, 8, 8, 12}));
  EXPECT_EQ(net.preprocessing.order, ChannelOrder::kRgb);
  EXPECT_EQ(net.preprocessing.scale, 1.0 / 255.0);
  EXPECT_THAT(net.labels, IsEmpty());
  EXPECT_THAT(net.clustering, IsEmpty());
  EXPECT_THAT(find_padding_faults(net.model), IsEmpty());
}

TEST(DetectnetV2, TakesGreyModels) {
  EXPECT_EQ(deployable_from_keras(tiny_resnet(2, 1), nullptr, {}).preprocessing.order, ChannelOrder::kGrey);
}

TEST(DetectnetV2, TakesClassesClusteringAndBoxCodeFromTheSpec) {
  const auto spec = spec_of(kTwoClasses);
  const auto net = deployable_from_keras(tiny_resnet(), &spec, {});
  EXPECT_THAT(net.labels, ElementsAre("car", "person"));
  EXPECT_EQ(net.box_code.scale, 17.5);
  EXPECT_EQ(net.box_code.offset, 0.25);
  ASSERT_EQ(net.clustering.size(), 2U);
  EXPECT_EQ(net.clustering[0].class_name, "car");  // not in postprocessing_config
  EXPECT_EQ(net.clustering[0].algorithm, ClassClustering::Algorithm::kNms);
  EXPECT_EQ(net.clustering[0].nms_iou_threshold, 0.5);
  EXPECT_EQ(net.clustering[0].coverage_threshold, 0.2);
  EXPECT_EQ(net.clustering[1].algorithm, ClassClustering::Algorithm::kDbscan);
  EXPECT_EQ(net.clustering[1].coverage_threshold, 0.05);  // not 0.05000000074505806
  EXPECT_EQ(net.clustering[1].dbscan_min_samples, 1.0);
  EXPECT_EQ(net.clustering[1].minimum_box_height, 4);
}

TEST(DetectnetV2, WritesItsFactsIntoTheModel) {
  const auto spec = spec_of(kTwoClasses);
  const auto net = deployable_from_keras(tiny_resnet(), &spec, {});
  std::map<std::string, std::string> props;
  for (const auto& entry : net.model.metadata_props()) props[entry.key()] = entry.value();
  EXPECT_EQ(props["etalon.network"], "detectnet_v2");
  EXPECT_EQ(props["etalon.labels"], R"(["car","person"])");
  EXPECT_EQ(props["etalon.preprocessing"],
            R"({"channel_order":"rgb","layout":"nchw","mean":[0.0,0.0,0.0],"scale":0.00392156862745098})");
  EXPECT_EQ(props["etalon.box_code"], R"({"offset":0.25,"scale":17.5})");
  const auto clustering = nlohmann::json::parse(props["etalon.clustering"]);
  EXPECT_EQ(clustering[1]["algorithm"], "dbscan");
  EXPECT_EQ(clustering[1]["dbscan_eps"], 0.3);
}

TEST(DetectnetV2, RefusesASpecWithOtherClassesAndNamesBothNumbers) {
  const auto spec = spec_of(kTwoClasses);
  EXPECT_THAT(refusal(tiny_resnet(3), &spec),
              HasSubstr("the spec names 2 target classes (car, person), the model detects 3"));
}

TEST(DetectnetV2, SaysWhatItFoundInAnotherModel) {
  auto classifier = tiny_resnet();
  classifier.outputs = {{"block_1a_relu", 0, 0}};
  EXPECT_THAT(refusal(std::move(classifier)),
              HasSubstr("this is not a DetectNet_v2 model: its outputs are 'block_1a_relu'"));
  EXPECT_THAT(refusal(tiny_resnet(2, 4)), HasSubstr("expected 1 or 3 channels first"));
  auto wrong_heads = tiny_resnet();
  auto& head = wrong_heads.layers[wrong_heads.layers.size() - 2];
  head.config["filters"] = 9;
  head.weights[0].shape = {1, 1, 4, 9};
  head.weights[0].values.resize(36);
  head.weights[1].shape = {9};
  head.weights[1].values.resize(9);
  EXPECT_THAT(refusal(std::move(wrong_heads)),
              HasSubstr("output_cov has the shape [N, 2, 8, 12], output_bbox [N, 9, 8, 12]"));
}

TEST(DetectnetV2, SpellsNamesWithTensorFlowsSuffixWhenAsked) {
  const auto net = deployable_from_keras(tiny_resnet(), nullptr,
                                         {.static_batch_size = 4, .tensor_names = TensorNames::kTensorflow});
  EXPECT_EQ(net.input, "input_1:0");
  EXPECT_EQ(net.outputs[0].tensor, "output_cov/Sigmoid:0");
  for (const auto& name : activation_names(net.model.graph())) EXPECT_TRUE(name.ends_with(":0")) << name;
  EXPECT_EQ(shape_of(net.model.graph().output(0)), (Shape{4, 2, 8, 12}));
  for (const auto& tensor : net.model.graph().initializer())
    EXPECT_FALSE(tensor.name().ends_with(":0")) << tensor.name();
  check_onnx(net.model);
}

TEST(DetectnetV2, WritesTheSameBytesEveryTime) {
  EXPECT_EQ(onnx_bytes(deployable_from_keras(tiny_resnet(), nullptr, {}).model),
            onnx_bytes(deployable_from_keras(tiny_resnet(), nullptr, {}).model));
}

bool is_in_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("_./-").find(c) != std::string_view::npos;
}

TEST(DetectnetV2, UsesOnlyNamesThatNvidiasTensorFlowGraphHas) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA is not set";
  const auto folder = std::filesystem::path(data) / "models/detectnet_v2";
  for (const std::string stem : {"bccd_resnet10", "bccd_resnet18"}) {
    std::ifstream file(folder / (stem + ".tf2onnx.onnx.txt"));
    const std::string listing((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    std::set<std::string> theirs;
    for (auto end = listing.find(":0"); end != std::string::npos; end = listing.find(":0", end + 1)) {
      std::size_t begin = end;
      while (begin > 0 && is_in_name(listing[begin - 1])) --begin;
      if (begin < end) theirs.insert(listing.substr(begin, end - begin));
    }
    const auto spec = read_detectnet_v2_spec(folder / "bccd.spec.txt");
    const auto net = deployable_from_keras(read_keras_hdf5(folder / (stem + ".hdf5")), &spec, {});
    for (const auto& ours : activation_names(net.model.graph())) EXPECT_TRUE(theirs.contains(ours)) << ours;
    EXPECT_THAT(net.labels, ElementsAre("rbc", "wbc", "platelets"));
    EXPECT_EQ(net.clustering[0].nms_iou_threshold, 0.4);
  }
}

}  // namespace
}  // namespace etalon
