// What holds whatever computes the networks; numbers: corrections_numbers_test.cpp.
#include "etalon/quantization/layer_errors.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/quantization/corrections_test.hpp"

namespace etalon {
namespace {

QuantizationErrors measure(const std::vector<std::string>& layers, std::size_t images, int threads) {
  SilentProgress progress;
  return measure_layer_errors(testdata_model("exact.onnx"), testdata_model("rounded.onnx"), layers,
                              formula_images(images), {.threads = threads}, progress);
}

TEST(MeasureLayerErrors, GivesTheSameBitsForAnyNumberOfThreads) {
  const QuantizationErrors one = measure({"a", "b", "c", "d"}, 7, 1);
  ASSERT_EQ(one.layers.size(), 4U);
  ASSERT_EQ(one.outputs.size(), 1U);
  for (const int threads : {2, 0}) {
    const QuantizationErrors many = measure({"a", "b", "c", "d"}, 7, threads);
    EXPECT_EQ(many.outputs, one.outputs);
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(many.layers.at(i).layer, one.layers[i].layer);
      EXPECT_EQ(many.layers.at(i).own_db, one.layers[i].own_db);
      EXPECT_EQ(many.layers.at(i).total_db, one.layers[i].total_db);
    }
  }
}

TEST(MeasureLayerErrors, NamesALayerThatIsNotThere) {
  try {
    measure({"e"}, 1, 1);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.line(), "layer 'e' is not in both the exact and the quantised network");
  }
}

}  // namespace
}  // namespace etalon
