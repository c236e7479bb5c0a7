#include "etalon/networks/keras_layers/layer_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/base/error.hpp"
#include "etalon/base/message_of_test.hpp"

namespace etalon {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(LayerConfig, ReadsNumbersPairsAndDefaults) {
  const json saved = {{"filters", 8},
                      {"kernel_size", {3, 5}},
                      {"strides", 2},
                      {"alpha", {{"class_name", "__numpy__"}, {"value", 0.5}}},
                      {"max_value", nullptr}};
  LayerConfig config(saved);
  EXPECT_EQ(config.integer("filters", 1, 100), 8);
  EXPECT_EQ(config.extent_pair("kernel_size", {1, 1}), (HeightWidth{3, 5}));
  EXPECT_EQ(config.extent_pair("strides", {1, 1}), (HeightWidth{2, 2}));
  EXPECT_EQ(config.extent_pair("dilation_rate", {1, 1}), (HeightWidth{1, 1}));
  EXPECT_EQ(config.number("alpha", 0), 0.5);
  EXPECT_EQ(config.number_or_null("max_value"), std::nullopt);
  config.finish();
}

TEST(LayerConfig, NamesTheKeyAndWhatItFound) {
  const json saved = {{"filters", 0},      {"units", 1e300},  {"strides", {2, -1}},
                      {"use_bias", "yes"}, {"n", UINT64_MAX}, {"data_format", "channels_last"},
                      {"padding", "full"}};
  LayerConfig config(saved);
  EXPECT_THAT(message_of([&] { config.integer("filters", 1, 100); }),
              HasSubstr("'filters' is 0, expected a whole number of 1 to 100"));
  EXPECT_THAT(message_of([&] { config.integer("units", 1, 100); }), HasSubstr("'units' is 1e+300"));
  EXPECT_THAT(message_of([&] { config.extent_pair("strides", {1, 1}); }), HasSubstr("'strides' is -1"));
  EXPECT_THAT(message_of([&] { config.flag("use_bias", true); }), HasSubstr("expected true or false"));
  EXPECT_THAT(message_of([&] { config.integer("n", 1, 100); }), HasSubstr("'n' is 18446744073709551615"));
  EXPECT_THAT(message_of([&] { config.integer("missing", 1, 100); }), HasSubstr("lacks 'missing'"));
  EXPECT_THAT(message_of([&] { config.need_channels_first(); }), HasSubstr("only channels_first"));
  EXPECT_THAT(message_of([&] { config.padding_is_same(); }), HasSubstr("padding is 'full'"));
}

TEST(LayerConfig, RefusesAnOptionThatNobodyReadUnlessItCannotMatter) {
  const json harmless = {{"name", "x"},
                         {"trainable", true},
                         {"kernel_initializer", {{"class_name", "Zeros"}}},
                         {"bias_constraint", nullptr},
                         {"future", nullptr}};
  LayerConfig(harmless).finish();
  const json unknown = {{"name", "x"}, {"gain", 2}};
  EXPECT_THAT(message_of([&] { LayerConfig(unknown).finish(); }), HasSubstr("has the option 'gain'"));
}

}  // namespace
}  // namespace etalon
