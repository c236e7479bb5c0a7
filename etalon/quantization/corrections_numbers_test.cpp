// Bias corrections and errors of layers, beside what NumPy alone computes (testdata/make_corrections.py).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/onnx/graph_index.hpp"
#include "etalon/quantization/bias_correction.hpp"
#include "etalon/quantization/channel_balance.hpp"
#include "etalon/quantization/corrections_test.hpp"
#include "etalon/quantization/layer_errors.hpp"
#include "etalon/runtime/session.hpp"

namespace etalon {
namespace {

const std::vector<std::string> kLayers{"a", "b", "c", "d"};

// The lines of corrections.txt that begin with these words: the word after them -> numbers.
std::map<std::string, std::vector<double>> expected(const std::string& words) {
  std::ifstream in(std::filesystem::path(ETALON_QUANTIZATION_TESTDATA) / "corrections.txt");
  std::map<std::string, std::vector<double>> values;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(words + " ")) continue;
    std::istringstream rest(line.substr(words.size()));
    std::string name;
    rest >> name;
    for (double value = 0; rest >> value;) values[name].push_back(value);
  }
  return values;
}

BiasShifts measure(const ModelProto& quantized, std::size_t images) {
  SilentProgress progress;
  return measure_bias_shifts(testdata_model("exact.onnx"), quantized, kLayers, formula_images(images),
                             {.threads = 2}, progress);
}

double largest_difference(const BiasShifts& shifts, const std::string& words) {
  const auto wanted = expected(words);
  EXPECT_EQ(wanted.size(), shifts.size());
  double largest = 0;
  for (const auto& [layer, values] : wanted) {
    EXPECT_EQ(shifts.at(layer).size(), values.size()) << layer;
    for (std::size_t c = 0; c < values.size(); ++c)
      largest = std::max(largest, std::abs(shifts.at(layer).at(c) - values[c]));
  }
  return largest;
}

TEST(MeasureBiasShifts, IsTheCorrectionLayerByLayerForOneImage) {
  EXPECT_LT(largest_difference(measure(testdata_model("rounded.onnx"), 1), "shifts 1"), 2e-6);
}

TEST(MeasureBiasShifts, IsNearTheCorrectionLayerByLayerForSeveral) {
  const BiasShifts shifts = measure(testdata_model("rounded.onnx"), 3);
  EXPECT_LT(largest_difference(shifts, "passed 3"), 2e-6);
  EXPECT_LT(largest_difference(shifts, "shifts 3"), 2e-3) << "the shifts themselves are up to 0.04";
}

TEST(MeasureBiasShifts, FindsNothingLeftAfterTheyWereApplied) {
  ModelProto corrected = testdata_model("rounded.onnx");
  apply_bias_shifts(corrected, measure(corrected, 1));
  for (const auto& [layer, shift] : measure(corrected, 1))
    for (const float value : shift) EXPECT_LT(std::abs(value), 2e-6) << layer;
}

TEST(MeasureBiasShifts, NamesLayerAndImageWhereNumbersAreNotFinite) {
  CalibrationImages images = formula_images(3);
  const auto fill = images.fill;
  images.fill = [&](std::size_t index, const std::string& name, std::span<float> out) {
    fill(index, name, out);
    if (index == 1) out[7] = std::numeric_limits<float>::quiet_NaN();
  };
  SilentProgress progress;
  try {
    measure_bias_shifts(testdata_model("exact.onnx"), testdata_model("rounded.onnx"), {"a"}, images, {},
                        progress);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.problem(), "correcting the bias of layer 'a' by nan on image 'image 1'");
  }
}

TEST(MeasureLayerErrors, RanksLayersByTheirOwnError) {
  SilentProgress progress;
  const QuantizationErrors errors =
      measure_layer_errors(testdata_model("exact.onnx"), testdata_model("rounded.onnx"), kLayers,
                           formula_images(3), {.threads = 2}, progress);
  const auto wanted = expected("error");
  ASSERT_EQ(errors.layers.size(), wanted.size());
  for (std::size_t i = 0; i < errors.layers.size(); ++i) {
    const LayerError& layer = errors.layers[i];
    EXPECT_NEAR(layer.own_db, wanted.at(layer.layer)[0], 1e-3) << layer.layer;
    EXPECT_NEAR(layer.total_db, wanted.at(layer.layer)[1], 1e-3) << layer.layer;
    EXPECT_LE(errors.layers[i > 0 ? i - 1 : 0].own_db, layer.own_db);
  }
  EXPECT_EQ(errors.layers.front().op, "ConvTranspose");
  EXPECT_NEAR(errors.outputs.at("d"), expected("output").at("d")[0], 1e-3);
}

TEST(MeasureLayerErrors, FindsNoneInANetworkThatIsNotRounded) {
  SilentProgress progress;
  const ModelProto exact = testdata_model("exact.onnx");
  const QuantizationErrors errors =
      measure_layer_errors(exact, exact, kLayers, formula_images(1), {.threads = 1}, progress);
  for (const LayerError& layer : errors.layers) EXPECT_EQ(layer.own_db, HUGE_VAL) << layer.layer;
  EXPECT_EQ(errors.outputs.at("d"), HUGE_VAL);
}

TEST(BalanceChannels, LeavesTheOutputsBitForBit) {
  // exact.onnx, with biases that no other layer shares.
  ModelProto model = testdata_model("exact.onnx");
  apply_bias_shifts(model, {{"a", {0.5F, -0.25F, 0.125F}}, {"b", {0.1F, 0.2F, 0.3F}}});
  ASSERT_EQ(balanceable_tensors(model), std::vector<std::string>{"a_relu"});
  SilentProgress progress;
  const auto balance = [&](int threads) {
    return balance_by_ranges(model,
                             largest_of_channels(model, formula_images(5), {.threads = threads}, progress));
  };
  const ModelProto balanced = balance(2);
  EXPECT_NE(balanced.SerializeAsString(), model.SerializeAsString());
  EXPECT_EQ(balance(1).SerializeAsString(), balanced.SerializeAsString());
  Session before(model, {.threads = 1}), after(balanced, {.threads = 1});
  std::vector<float> input(before.input_size());
  formula_images(9).load(8, input);
  EXPECT_EQ(after.run(input).at("d").values, before.run(input).at("d").values);
}

}  // namespace
}  // namespace etalon
