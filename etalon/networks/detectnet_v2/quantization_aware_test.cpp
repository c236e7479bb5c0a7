// Quantisation-aware models on their way to a Deployable.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "etalon/base/message_of_test.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/formats/calibration_cache/tensor_scales_json.hpp"
#include "etalon/formats/keras_hdf5/model_config.hpp"
#include "etalon/networks/detectnet_v2/detectnet_v2.hpp"
#include "etalon/networks/keras_layers/model_maker.hpp"
#include "etalon/networks/keras_layers/quantized_layers.hpp"
#include "etalon/networks/trained_quantization.hpp"
#include "etalon/onnx/graph_index.hpp"

namespace etalon {
namespace {

using nlohmann::json;
using testing::Each;
using testing::ElementsAre;
using testing::Gt;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;

const DetectnetV2Options kSuffixed{.static_batch_size = {}, .tensor_names = TensorNames::kTensorflow};

// A quantisation-aware DetectNet_v2, or the plain model it was made of.
class Maker : public ModelMaker {
 public:
  explicit Maker(bool aware = true) : ModelMaker({3, 32, 48}), aware_(aware) {}

  std::string qdq(const std::string& input, float range) {
    if (!aware_) return input;
    add("QDQ", input + "_qdq", {{"bitwidth", 8}, {"trainable", true}}, {input}, {{}}).weights[0].values[0] =
        range;
    return input + "_qdq";
  }
  KerasLayer& quantized(KerasLayer& layer) {
    if (!aware_) return layer;
    layer.class_name = "Quantized" + layer.class_name;
    layer.config["quantize"] = false;
    layer.config["bitwidth"] = 8;
    return layer;
  }
  KerasLayer& quantized_conv(const std::string& name, const std::string& input, std::int64_t in,
                             std::int64_t out, std::int64_t kernel, std::int64_t stride = 1) {
    return quantized(conv(name, input, in, out, kernel, stride));
  }
  std::string relu6(const std::string& name, const std::string& input) {
    add("ReLU", name, {{"max_value", 6.0}, {"negative_slope", 0.0}, {"threshold", 0.0}}, {input});
    return name;
  }
  // Heads of two classes on a tensor of four channels.
  KerasModel with_heads(const std::string& input, std::int64_t channels = 4) {
    conv("output_bbox", input, channels, 8, 1);
    conv("output_cov", input, channels, 2, 1, 1, "sigmoid");
    KerasModel made = take({"output_bbox", "output_cov"});
    for (const auto& layer : made.layers)
      for (const auto& weight : layer.weights) made.parameter_count += weight.values.size();
    return made;
  }

 private:
  bool aware_;
};

KerasModel tiny(bool aware = true) {
  Maker maker(aware);
  maker.quantized_conv("conv1", maker.qdq("input_1", 0.5F), 3, 4, 7, 2);
  maker.batch_norm("bn_conv1", "conv1", 4);
  const auto relu = maker.qdq(maker.relu6("activation_1", "bn_conv1"), 6);
  maker.quantized_conv("conv2", relu, 4, 4, 3, 2);
  maker.batch_norm("bn_2", "conv2", 4);
  maker.quantized_conv("shortcut", relu, 4, 4, 1, 2).config["padding"] = "valid";
  maker.batch_norm("bn_shortcut", "shortcut", 4);
  const auto left = maker.qdq("bn_2", 3), right = maker.qdq("bn_shortcut", 4);
  maker.add("Add", "add_1", {}, {left, right});
  return maker.with_heads(maker.qdq(maker.relu6("block_relu", maker.qdq("add_1", 5)), 2));
}

std::vector<std::string> rows_of(const TrainedQuantization& trained) {
  std::vector<std::string> rows;
  for (const auto& [tensor, range, placed_on] : trained.ranges)
    rows.push_back(tensor + " " + std::to_string(range).substr(0, 4) +
                   (placed_on == tensor ? "" : " on " + placed_on));
  return rows;
}

TrainedQuantization trained_of(KerasModel model, const DetectnetV2Options& options = {}) {
  return deployable_from_keras(std::move(model), nullptr, options).trained.value();
}

TEST(QuantizationAware, RangesBelongToWhatFeedsTheQdqLayers) {
  EXPECT_THAT(rows_of(trained_of(tiny())),
              ElementsAre("input_1 0.50", "activation_1/Relu6 6.00", "bn_2/batchnorm/add_1 3.00",
                          "bn_shortcut/batchnorm/add_1 4.00", "add_1/add 5.00", "block_relu/Relu6 2.00"));
}

TEST(QuantizationAware, TheExportedModelIsThePlainOne) {
  const auto aware = deployable_from_keras(tiny(), nullptr, {});
  const auto plain = deployable_from_keras(tiny(false), nullptr, {});
  EXPECT_EQ(onnx_bytes(aware.model), onnx_bytes(plain.model));
  EXPECT_EQ(aware.parameter_count, plain.parameter_count);  // without the scaling factors
  EXPECT_FALSE(plain.trained);
}

TEST(QuantizationAware, ReluOfSixStaysAClip) {
  const auto net = deployable_from_keras(tiny(), nullptr, {});
  const GraphIndex index(net.model.graph());
  const auto at = index.producer("activation_1/Relu6");
  ASSERT_TRUE(at);
  const auto& clip = net.model.graph().node(*at);
  EXPECT_EQ(clip.op_type(), "Clip");
  const auto value = [&](int input) {
    return float_values(net.model.graph().initializer(index.initializer(clip.input(input)).value()));
  };
  EXPECT_THAT(value(1), ElementsAre(0.0F));
  EXPECT_THAT(value(2), ElementsAre(6.0F));
}

TEST(QuantizationAware, RangesFollowTheOrderOfTheFileNotOfTheComputation) {
  auto model = tiny();
  const auto named = [](const char* name) { return [=](const KerasLayer& l) { return l.name == name; }; };
  auto& layers = model.layers;  // the first QDQ layer goes to the end
  const auto first = std::ranges::find_if(layers, named("input_1_qdq"));
  std::rotate(first, first + 1, layers.end());
  EXPECT_THAT(
      rows_of(trained_of(std::move(model))),
      ElementsAre("activation_1/Relu6 6.00", "bn_2/batchnorm/add_1 3.00", "bn_shortcut/batchnorm/add_1 4.00",
                  "add_1/add 5.00", "block_relu/Relu6 2.00", "input_1 0.50"));
}

TEST(QuantizationAware, NamesWithTensorFlowsSuffixAreThoseOfTheModel) {
  const auto net = deployable_from_keras(tiny(), nullptr, kSuffixed);
  const auto names = activation_names(net.model.graph());
  for (const auto& range : net.trained.value().ranges) {
    EXPECT_THAT(names, testing::Contains(range.tensor));
    EXPECT_EQ(range.placed_on, range.tensor);
  }
  for (const auto& [weight, steps] : net.trained->weight_steps)
    EXPECT_TRUE(GraphIndex(net.model.graph()).initializer(weight)) << weight;
}

TEST(QuantizationAware, TensorsThatFoldingTakesAwayHaveTheirRangeWhereTheValuesAre) {
  Maker maker;
  maker.quantized_conv("conv1", maker.qdq("input_1", 1), 3, 4, 3, 2);
  maker.add("Dropout", "drop", {{"rate", 0.2}}, {maker.qdq("conv1", 2)});
  maker.add("ZeroPadding2D", "pad", {{"padding", {1, 1}}, {"data_format", "channels_first"}},
            {maker.qdq("drop", 3)});
  maker.quantized_conv("conv2", maker.qdq("pad", 4), 4, 4, 3).config["padding"] = "valid";
  maker.add("GlobalAveragePooling2D", "squeeze", {{"data_format", "channels_first"}},
            {maker.qdq("conv2", 5)});
  maker.add("Reshape", "reshape", {{"target_shape", {4, 1, 1}}}, {maker.qdq("squeeze", 6)});
  maker.add("Multiply", "excite", {}, {"conv2_qdq", maker.qdq("reshape", 7)});
  const auto trained = trained_of(maker.with_heads(maker.qdq("excite", 8)));
  EXPECT_THAT(rows_of(trained),
              ElementsAre("input_1 1.00", "conv1/BiasAdd 2.00", "drop/Identity 3.00 on conv1/BiasAdd",
                          "pad/Pad 4.00 on conv1/BiasAdd", "conv2/BiasAdd 5.00", "squeeze/Mean 6.00",
                          "reshape/Reshape 7.00 on squeeze/Mean", "excite/mul 8.00"));
  const auto placed = placed_ranges(trained);
  EXPECT_THAT(placed.at("conv1/BiasAdd"), ElementsAre(2, 3, 4));
  EXPECT_THAT(placed.at("excite/mul"), ElementsAre(8));
}

TEST(QuantizationAware, AValueBetweenAConvolutionAndItsBatchNormIsNowhere) {
  Maker maker;
  maker.quantized_conv("conv1", "input_1", 3, 4, 3, 2);
  maker.batch_norm("bn", maker.qdq("conv1", 2), 4);
  EXPECT_THAT(rows_of(trained_of(maker.with_heads("bn"))), ElementsAre("conv1/BiasAdd 2.00 on "));
}

TEST(QuantizationAware, ALayerThatRoundsItsInputItselfGivesARangeUnlessAQdqLayerDid) {
  const auto own = [](KerasLayer& layer, float range) {
    layer.config["quantize"] = true;
    layer.weights.push_back({layer.name + "/scaling_factor:0", {}, {range}});
  };
  Maker maker;
  own(maker.quantized_conv("conv1", "input_1", 3, 4, 3, 2), 0.5F);
  own(maker.quantized_conv("conv2", "input_1", 3, 4, 3, 2), 0.75F);
  own(maker.quantized_conv("conv3", "input_1", 3, 4, 3, 2), 0.25F);
  maker.add("Add", "sum", {}, {"conv1", "conv2", "conv3"});
  own(maker.quantized_conv("conv4", maker.qdq("sum", 3), 4, 4, 3), 9.0F);
  auto model = maker.with_heads("conv4");
  const auto before = model.parameter_count;
  const auto net = deployable_from_keras(std::move(model), nullptr, {});
  EXPECT_THAT(rows_of(net.trained.value()), ElementsAre("input_1 0.75", "sum/add_1 3.00"));
  EXPECT_EQ(net.parameter_count, before - 5);
}

TEST(QuantizationAware, AStepMakesTheLargestNumber127OrTheSmallestMinus128) {
  const auto step_of = [](std::vector<float> kernel) { return trained_kernel_grid(kernel).step; };
  EXPECT_EQ(step_of({0.5F, -0.25F}), 0.5F / 127);
  EXPECT_EQ(step_of({0.25F, -0.5F}), 0.5F / 128);
  EXPECT_EQ(step_of({0.5F, -0.5F}), 0.5F / 127);
  EXPECT_EQ(step_of({-0.5F, -0.25F}), 0.5F / 128);
  EXPECT_EQ(step_of({0.5F, 0.25F}), 0.5F / 127);
  EXPECT_GT(step_of({0.0F, 0.0F}), 0);
  EXPECT_TRUE(std::isnormal(step_of({1e-44F})));
}

// By name of the weight, its numbers and the channel of each.
void check_integers(const KerasWeight& trained, const Deployable& net, const std::string& kernel,
                    const std::function<std::size_t(std::size_t)>& keras_place, bool flipped_odd) {
  const auto folded =
      float_values(net.model.graph().initializer(GraphIndex(net.model.graph()).initializer(kernel).value()));
  const auto& steps = net.trained.value().weight_steps.at(kernel);
  EXPECT_THAT(steps, Each(Gt(0.0F)));
  const float per_unit = trained_kernel_grid(trained.values).per_unit;
  ASSERT_EQ(folded.size(), trained.values.size());
  const std::size_t each = folded.size() / steps.size();
  for (std::size_t i = 0; i < folded.size(); ++i) {
    const float wanted = std::nearbyint(trained.values[keras_place(i)] * per_unit);
    const float sign = flipped_odd && i / each % 2 == 1 ? -1 : 1;
    ASSERT_EQ(std::nearbyint(folded[i] / steps[i / each]), sign * wanted) << i;
    ASSERT_EQ(std::nearbyint(folded[i] / static_cast<double>(steps[i / each])), sign * wanted) << i;
  }
}

void randomise(KerasWeight& weight, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(-0.02F, 0.3F);
  for (auto& value : weight.values) value = normal(random);
}

TEST(QuantizationAware, TheIntegersOfTheTrainedKernelsSurviveFolding) {
  Maker maker;
  auto& conv = maker.quantized_conv("conv1", "input_1", 3, 4, 3, 2);
  randomise(conv.weights[0], 1);
  const KerasWeight full = conv.weights[0];
  auto& bn = maker.batch_norm("bn", "conv1", 4);
  randomise(bn.weights[0], 2);
  for (std::size_t c = 0; c < 4; ++c)
    bn.weights[0].values[c] = std::copysign(bn.weights[0].values[c], c % 2 == 0 ? 1.0F : -1.0F);
  auto& each = maker.add(
      "DepthwiseConv2D", "each",
      {{"kernel_size", {3, 3}}, {"padding", "same"}, {"data_format", "channels_first"}, {"use_bias", false}},
      {"bn"}, {{3, 3, 4, 1}});
  randomise(maker.quantized(each).weights[0], 3);
  const KerasWeight depthwise = each.weights[0];
  maker.batch_norm("bn_each", "each", 4);
  const auto net = deployable_from_keras(maker.with_heads("bn_each"), nullptr, {});
  EXPECT_THAT(net.trained.value().weight_steps,
              ElementsAre(Key("conv1/kernel/folded"), Key("each/depthwise_kernel/folded")));
  check_integers(
      full, net, "conv1/kernel/folded", [](std::size_t i) { return (i % 9 * 3 + i / 9 % 3) * 4 + i / 27; },
      true);
  check_integers(
      depthwise, net, "each/depthwise_kernel/folded", [](std::size_t i) { return i % 9 * 4 + i / 9; }, false);
}

TEST(QuantizationAware, ATransposedConvolutionHasAStepAnOutputChannel) {
  Maker maker;
  auto& layer = maker.add("Conv2DTranspose", "up",
                          {{"filters", 4},
                           {"kernel_size", {2, 2}},
                           {"strides", {2, 2}},
                           {"padding", "same"},
                           {"data_format", "channels_first"},
                           {"use_bias", true}},
                          {"input_1"}, {{2, 2, 4, 3}, {4}});
  maker.quantized(layer);
  const float step = trained_kernel_grid(layer.weights[0].values).step;
  EXPECT_THAT(trained_of(maker.with_heads("up")).weight_steps,
              ElementsAre(testing::Pair("up/kernel", ElementsAre(step, step, step, step))));
}

TEST(QuantizationAware, AModelOfOnlyQdqLayersHasNoSteps) {
  Maker maker;
  maker.conv("conv1", maker.qdq("input_1", 1), 3, 4, 3);
  EXPECT_THAT(trained_of(maker.with_heads("conv1")).weight_steps, IsEmpty());
}

TEST(QuantizationAware, WhatIsWrongIsSaidWithTheLayer) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const struct {
    const char* layer;
    void (*damage)(KerasLayer&);
    const char* says;
  } cases[] = {
      {"conv2", [](auto& l) { l.config["bitwidth"] = 4; }, "was trained for 4 bits; INT8 needs 8"},
      {"add_1_qdq", [](auto& l) { l.config["bitwidth"] = 16; }, "was trained for 16 bits"},
      {"conv2", [](auto& l) { l.config["bitwidth"] = "8"; }, "'bitwidth' is \"8\""},
      {"conv2", [](auto& l) { l.config["quantize"] = 1; }, "'quantize' is 1"},
      {"conv2", [](auto& l) { l.config["quantize"] = true; }, "has 2 weights, its configuration needs 3"},
      {"conv2", [](auto& l) { l.weights.clear(); }, "has 0 weights, its configuration needs 2"},
      {"conv2", [](auto& l) { l.config["mode"] = "max"; }, "has the option 'mode'"},
      {"add_1_qdq", [](auto& l) { l.config["mode"] = "max"; }, "has the option 'mode'"},
      {"add_1_qdq", [](auto& l) { l.weights.clear(); }, "has no scaling factor"},
      {"add_1_qdq", [](auto& l) { l.weights.push_back(l.weights[0]); }, "has 2 weights"},
      {"add_1_qdq", [](auto& l) { l.weights[0].values[0] = 0; }, "is 0, expected a positive number"},
      {"add_1_qdq", [](auto& l) { l.weights[0].values[0] = -1; }, "is -1"},
      {"add_1_qdq", [](auto& l) { l.weights[0].values[0] = 1e-40F; }, "expected a positive number"},
      {"add_1_qdq", [](auto& l) { l.weights[0].values[0] = kInfinity; }, "is inf"},
      {"add_1_qdq", [](auto& l) { l.weights[0].values[0] = std::nanf(""); }, "nan"},
      {"add_1_qdq", [](auto& l) { l.weights[0].shape = {1}; }, "has the shape [1], expected one number"},
      {"add_1_qdq", [](auto& l) { l.weights[0].values.clear(); }, "expected one number"},
      {"add_1_qdq", [](auto& l) { l.calls.push_back(l.calls[0]); }, "is called 2 times"},
      {"conv2", [](auto& l) { l.calls.push_back(l.calls[0]); }, "is called 2 times"},
      {"add_1_qdq", [](auto& l) { l.calls[0].inputs.push_back(l.calls[0].inputs[0]); }, "has 2 inputs"},
      {"add_1_qdq", [](auto& l) { l.calls[0].inputs[0].layer = "bn_2_qdq"; },
       "is fed by another QDQ layer, 'bn_2_qdq'"},
      {"conv2", [](auto& l) { l.class_name = "QuantizedDense"; }, "only QDQ and convolutions"},
  };
  for (const auto& one : cases) {
    auto model = tiny();
    for (auto& layer : model.layers)
      if (layer.name == one.layer) one.damage(layer);
    const auto line = message_of([&] { deployable_from_keras(std::move(model), nullptr, {}); });
    EXPECT_THAT(line, HasSubstr(one.says));
    EXPECT_THAT(line, HasSubstr(std::string("layer '") + one.layer + "'")) << line;
  }
}

TEST(QuantizationAware, AnOutputThatIsAQdqLayerIsRefused) {
  Maker maker;
  maker.conv("c", "input_1", 3, 8, 1);
  maker.add("QDQ", "output_bbox", {{"bitwidth", 8}}, {"c"}, {{}});
  maker.conv("output_cov", "input_1", 3, 2, 1);
  EXPECT_THAT(message_of([&] {
                deployable_from_keras(maker.take({"output_bbox", "output_cov"}), nullptr, {});
              }),
              HasSubstr("the model's output 'output_bbox' is a QDQ layer"));
}

TEST(QuantizationAware, LayersInsideANestedModelAreRefused) {
  ModelMaker inner({3, 32, 48});
  inner.model().layers[0].name = "inner_input";
  inner.model().inputs = {{"inner_input", 0, 0}};
  inner.conv("conv1", "inner_input", 3, 4, 3);
  inner.add("QDQ", "inner_qdq", {{"bitwidth", 8}}, {"conv1"}, {{}});
  inner.conv("conv2", "inner_qdq", 4, 4, 3);
  Maker maker;
  auto& nested = maker.add("Model", "body", {}, {"input_1"});
  nested.graph = std::make_shared<KerasGraph>(inner.take({"conv2"}));
  maker.conv("output_bbox", "body", 4, 8, 1).calls[0].inputs[0].node_index = 1;
  maker.conv("output_cov", "body", 4, 2, 1).calls[0].inputs[0].node_index = 1;
  EXPECT_THAT(message_of([&] {
                deployable_from_keras(maker.take({"output_bbox", "output_cov"}), nullptr, {});
              }),
              HasSubstr("is part of a model that is a layer of another one"));
}

// A model as the recipe describes it, with the scaling factors it names; the other weights are zeros, and
// variances 1: the ranges do not depend on them.
KerasModel model_of_recipe(const json& recipe) {
  KerasModel model;
  static_cast<KerasGraph&>(model) = parse_model_config(recipe.at("model_config").dump());
  std::map<std::string, KerasLayer*> layers;
  for (auto& layer : model.layers) layers[layer.name] = &layer;
  for (const auto& [layer, weights] : recipe.at("weights").get<std::vector<std::pair<std::string, json>>>())
    for (const auto& entry : weights) {
      KerasWeight weight;
      weight.name = entry.at(0);
      weight.shape = entry.at(1).get<std::vector<std::int64_t>>();
      std::size_t count = 1;
      for (const auto extent : weight.shape) count *= static_cast<std::size_t>(extent);
      const auto& init = entry.at(2);
      const bool variance = weight.name.find("variance") != std::string::npos;
      weight.values.assign(count, init.at(0) == "const" ? init.at(1).get<float>() : variance ? 1.0F : 0.0F);
      layers.at(layer)->weights.push_back(std::move(weight));
      model.parameter_count += count;
    }
  return model;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(QuantizationAware, RangesOfAllNetworksAreThoseOfNvidiasCaches) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA is not set: NVIDIA's caches are not compared";
  const auto folder = std::filesystem::path(data) / "models/detectnet_v2/qat";
  int networks = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string file = entry.path().filename().string();
    if (!file.ends_with("_qat.json")) continue;
    ++networks;
    const std::string stem = file.substr(0, file.size() - 5);
    SCOPED_TRACE(stem);
    const auto recipe = json::parse(text_of(entry.path()));
    const auto net = deployable_from_keras(model_of_recipe(recipe), nullptr, kSuffixed);
    const auto& ranges = net.trained.value().ranges;
    std::vector<TensorRange> written;
    for (const auto& range : ranges) written.emplace_back(range.tensor, range.range);
    EXPECT_EQ(net.parameter_count, recipe.at("parameters").get<std::uint64_t>() - ranges.size());
    const auto names = activation_names(net.model.graph());
    const std::set<std::string> there(names.begin(), names.end());
    for (const auto& range : ranges) EXPECT_TRUE(there.contains(range.placed_on)) << range.tensor;
    for (const std::string route : {"tf2onnx", "keras2onnx"}) {
      EXPECT_EQ(format_tensor_scales(written), text_of(folder / (stem + "." + route + ".cal.json")));
      const auto cache = read_calibration_cache(folder / (stem + "." + route + ".cal.bin"));
      ASSERT_EQ(cache.lines.size(), ranges.size());
      for (std::size_t i = 0; i < ranges.size(); ++i) {
        EXPECT_EQ(cache.lines[i].tensor, ranges[i].tensor);
        EXPECT_EQ(cache.lines[i].scale, ranges[i].range / kInt8Steps);
      }
    }
  }
  EXPECT_EQ(networks, 10);
}

}  // namespace
}  // namespace etalon
