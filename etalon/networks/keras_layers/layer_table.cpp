#include "etalon/networks/keras_layers/layer_table.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/base/name_match.hpp"
#include "etalon/networks/keras_layers/layers.hpp"

namespace etalon {
namespace {

// Sorted by class name.
constexpr std::array<std::pair<std::string_view, LowerLayer>, 41> kLayers{{
    {"Activation", lower_activation},
    {"ActivityRegularization", lower_training_only},
    {"Add", lower_add},
    {"AlphaDropout", lower_training_only},
    {"Average", lower_average},
    {"AveragePooling2D", lower_average_pooling2d},
    {"BatchNormalization", lower_batch_normalization},
    {"Concatenate", lower_concatenate},
    {"Conv2D", lower_conv2d},
    {"Conv2DTranspose", lower_conv2d_transpose},
    {"Dense", lower_dense},
    {"DepthwiseConv2D", lower_depthwise_conv2d},
    {"Dropout", lower_training_only},
    {"ELU", lower_elu},
    {"Flatten", lower_flatten},
    {"GaussianDropout", lower_training_only},
    {"GaussianNoise", lower_training_only},
    {"GlobalAveragePooling2D", lower_global_average_pooling2d},
    {"GlobalMaxPooling2D", lower_global_max_pooling2d},
    {"LeakyReLU", lower_leaky_relu},
    {"MaxPooling2D", lower_max_pooling2d},
    {"Maximum", lower_maximum},
    {"Minimum", lower_minimum},
    {"Multiply", lower_multiply},
    {"PReLU", lower_prelu},
    {"Permute", lower_permute},
    {"QDQ", lower_qdq},
    {"QuantizedConv2D", lower_quantized_conv2d},
    {"QuantizedConv2DTranspose", lower_quantized_conv2d_transpose},
    {"QuantizedDepthwiseConv2D", lower_quantized_depthwise_conv2d},
    {"ReLU", lower_relu},
    {"RepeatVector", lower_repeat_vector},
    {"Reshape", lower_reshape},
    {"SeparableConv2D", lower_separable_conv2d},
    {"Softmax", lower_softmax},
    {"SpatialDropout2D", lower_training_only},
    {"Subtract", lower_subtract},
    {"UpSampling2D", lower_up_sampling2d},
    {"ZeroPadding2D", lower_zero_padding2d},
    // Names of Keras 1 that Keras 2 still reads.
    {"Convolution2D", lower_conv2d},
    {"Deconvolution2D", lower_conv2d_transpose},
}};

[[noreturn]] void refuse(std::string_view class_name) {
  if (class_name.starts_with("Quantized"))
    throw Error(Kind::kUnsupported,
                fmt::format("is a {}: of the quantisation-aware layers only QDQ and convolutions are "
                            "supported, as in TAO's own export",
                            escaped(class_name)),
                "export the model that was trained without enable_qat");
  if (class_name == "Lambda")
    throw Error(Kind::kUnsupported,
                "is a Lambda: its function is stored as Python code, which is never run here");
  std::vector<std::string> known;
  for (const auto& [name, function] : kLayers) known.emplace_back(name);
  const auto nearest = nearest_name(class_name, known);
  throw Error(Kind::kUnsupported,
              fmt::format("is of class '{}', which is not supported", escaped(class_name)),
              nearest ? fmt::format("the nearest class that is: {}", *nearest)
                      : "docs/adding_a_layer.md says how to add a class");
}

}  // namespace

LowerLayer lower_function_of(std::string_view class_name) {
  for (const auto& [name, function] : kLayers)
    if (name == class_name) return function;
  refuse(class_name);
}

}  // namespace etalon
