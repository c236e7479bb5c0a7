// What floating forms compute, beside what ONNX Runtime made of the quantised models
// (testdata/make_quantized_models.py).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "etalon/quantization/floating_form.hpp"
#include "etalon/runtime/session.hpp"

namespace etalon {
namespace {

std::vector<float> next_line(std::istream& in) {
  std::string line;
  std::getline(in, line);
  std::istringstream words(line);
  std::vector<float> values;
  for (float value = 0; words >> value;) values.push_back(value);
  return values;
}

TEST(FloatingForm, ComputesWhatONNXRuntimeComputes) {
  const std::filesystem::path folder = ETALON_QUANTIZATION_TESTDATA;
  std::ifstream in(folder / "quantized_models.txt");
  int models = 0;
  for (std::string name; std::getline(in, name); ++models) {
    SCOPED_TRACE(name);
    const std::vector<float> input = next_line(in), expected = next_line(in);
    Session session(floating_form(read_onnx(folder / (name + ".onnx"))), {.threads = 1});
    const std::vector<float> out = session.run(input).at("out").values;
    ASSERT_EQ(out.size(), expected.size());
    const float tolerance = name == "half" ? 4e-3F : 2e-6F;  // half floats have 11 bits
    for (std::size_t i = 0; i < out.size(); ++i)
      EXPECT_NEAR(out[i], expected[i], tolerance * (1 + std::abs(expected[i]))) << i;
  }
  EXPECT_EQ(models, 4);
}

}  // namespace
}  // namespace etalon
