#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openvino/runtime/core.hpp>
#include <openvino/runtime/properties.hpp>
#include <sstream>

#include "etalon/base/message_of_test.hpp"
#include "etalon/runtime/compiled_model.hpp"
#include "etalon/runtime/small_network.hpp"

namespace etalon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// y = Relu(x), for batches of two numbers.
std::string relu(std::int64_t batch) {
  ModelProto model = test_model("x", {batch, 2});
  add_test_node(*model.mutable_graph(), "Relu", {"x"}, "y");
  *model.mutable_graph()->add_output() = test_value("y", {batch, 2});
  return onnx_bytes(model);
}

ov::CompiledModel imported(const Bytes& blob) {
  std::istringstream stream{std::string(as_text(blob))};
  return ov::Core().import_model(stream, "CPU", {ov::hint::inference_precision(ov::element::f32)});
}

TEST(CompiledModel, IsImportedAndComputesWhatTheOnnxSays) {
  const Bytes blob = export_compiled_model(as_bytes(relu(-1)), {1, 4});
  EXPECT_THAT(std::string(as_text(blob).substr(0, 20)), StartsWith(kCompiledModelMagic));
  ov::CompiledModel compiled = imported(blob);
  EXPECT_EQ(compiled.input().get_partial_shape(), ov::PartialShape({ov::Dimension(1, 4), 2}));
  ov::InferRequest request = compiled.create_infer_request();
  std::vector<float> numbers{-1, 2, 3, -4, 5, -6};
  request.set_input_tensor(ov::Tensor(ov::element::f32, {3, 2}, numbers.data()));
  request.infer();
  const ov::Tensor output = request.get_output_tensor();
  const auto* values = output.data<const float>();
  EXPECT_THAT(std::vector<float>(values, values + output.get_size()), ElementsAre(0, 2, 3, 0, 5, 0));
}

TEST(CompiledModel, KeepsAFixedBatch) {
  const ov::CompiledModel compiled = imported(export_compiled_model(as_bytes(relu(3)), {1, 16}));
  EXPECT_EQ(compiled.input().get_partial_shape(), ov::PartialShape({3, 2}));
}

TEST(CompiledModel, TellsWhyItCannotBeMade) {
  EXPECT_THAT(message_of([] { export_compiled_model(as_bytes("no model"), {}); }),
              HasSubstr("OpenVINO cannot read the model"));
  ModelProto strange = test_model("x", {1, 2});
  add_test_node(*strange.mutable_graph(), "Strange", {"x"}, "y");
  *strange.mutable_graph()->add_output() = test_value("y", {1, 2});
  EXPECT_THAT(message_of([&] { export_compiled_model(as_bytes(onnx_bytes(strange)), {}); }),
              HasSubstr("OpenVINO cannot"));
}

}  // namespace
}  // namespace etalon
