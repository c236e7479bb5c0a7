// Small Keras models for tests, made by hand:
//
//   ModelMaker maker({2, 8, 8});
//   maker.add("Conv2D", "conv1", conv_config(4, 3), {"input_1"}, {{3, 3, 2, 4}, {4}});
//   KerasModel model = maker.take({"conv1"});
//
// Weights count up in steps of 1/64, so that every number is exact and no two of a layer are equal.
#pragma once

#include <string>
#include <vector>

#include "etalon/formats/keras_hdf5/keras_model.hpp"

namespace etalon {

class ModelMaker {
 public:
  explicit ModelMaker(const std::vector<std::int64_t>& input_shape) {
    model_.name = "tiny";
    nlohmann::json shape = {nullptr};
    for (const auto size : input_shape) shape.push_back(size);
    KerasLayer input;
    input.name = "input_1";
    input.class_name = "InputLayer";
    input.config = {
        {"batch_input_shape", shape}, {"dtype", "float32"}, {"sparse", false}, {"name", "input_1"}};
    model_.layers.push_back(std::move(input));
    model_.inputs = {{"input_1", 0, 0}};
  }

  KerasLayer& add(const std::string& class_name, const std::string& name, nlohmann::json config,
                  const std::vector<std::string>& inputs,
                  const std::vector<std::vector<std::int64_t>>& weight_shapes = {}) {
    KerasLayer layer;
    layer.name = name;
    layer.class_name = class_name;
    layer.config = config.is_null() ? nlohmann::json::object() : std::move(config);
    layer.config["name"] = name;
    KerasCall call;
    for (const auto& input : inputs) call.inputs.push_back({input, 0, 0});
    layer.calls.push_back(call);
    for (const auto& shape : weight_shapes) {
      KerasWeight weight;
      weight.name = name + "/weight_" + std::to_string(layer.weights.size()) + ":0";
      weight.shape = shape;
      std::int64_t count = 1;
      for (const auto extent : shape) count *= extent;
      for (std::int64_t i = 0; i < count; ++i) weight.values.push_back(static_cast<float>(i + 1) / 64.0F);
      layer.weights.push_back(std::move(weight));
    }
    model_.layers.push_back(std::move(layer));
    return model_.layers.back();
  }

  KerasLayer& conv(const std::string& name, const std::string& input, std::int64_t in, std::int64_t out,
                   std::int64_t kernel, std::int64_t stride = 1, const std::string& activation = "linear") {
    return add("Conv2D", name,
               {{"filters", out},
                {"kernel_size", {kernel, kernel}},
                {"strides", {stride, stride}},
                {"padding", "same"},
                {"data_format", "channels_first"},
                {"dilation_rate", {1, 1}},
                {"activation", activation},
                {"use_bias", true}},
               {input}, {{kernel, kernel, in, out}, {out}});
  }
  KerasLayer& batch_norm(const std::string& name, const std::string& input, std::int64_t channels) {
    return add("BatchNormalization", name,
               {{"axis", 1}, {"epsilon", 0.001}, {"momentum", 0.99}, {"center", true}, {"scale", true}},
               {input}, {{channels}, {channels}, {channels}, {channels}});
  }

  KerasModel take(const std::vector<std::string>& outputs) {
    model_.outputs.clear();
    for (const auto& output : outputs) model_.outputs.push_back({output, 0, 0});
    return std::move(model_);
  }
  KerasModel& model() { return model_; }

 private:
  KerasModel model_;
};

}  // namespace etalon
