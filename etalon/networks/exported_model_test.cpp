#include "etalon/networks/exported_model.hpp"

#include <gtest/gtest.h>

#include "etalon/base/error.hpp"
#include "etalon/base/message_of_test.hpp"
#include "etalon/networks/metadata.hpp"
#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

ModelProto by_another_tool(const std::string& input = "float[N,3,16,32] x") {
  return parse_model(R"(<ir_version: 7, opset_import: ["" : 13]> g ()" + input +
                     R"() => (float[N,2,16,32] output_cov, float[N,8,16,32] output_bbox) {
    output_cov = Sigmoid(x) output_bbox = Relu(x) })");
}

TEST(ExportedModel, TakesTheFactsFromShapesAndNames) {
  const Deployable net = deployable_from_exported(by_another_tool(), "detectnet_v2");
  EXPECT_EQ(net.input, "x");
  EXPECT_EQ(net.channels, 3);
  EXPECT_EQ(net.height, 16);
  EXPECT_EQ(net.width, 32);
  EXPECT_EQ(net.class_count, 2);
  ASSERT_EQ(net.outputs.size(), 2U);
  EXPECT_EQ(net.outputs[0].role, OutputRole::kCoverage);
  EXPECT_EQ(served_model_in(net.model).network, "detectnet_v2");
}

TEST(ExportedModel, LeavesWhatEtalonWroteAsItIs) {
  const Deployable net = deployable_from_exported(by_another_tool(), "detectnet_v2");
  const std::string bytes = onnx_bytes(net.model);
  EXPECT_EQ(onnx_bytes(deployable_from_exported(ModelProto(net.model), "detectnet_v2").model), bytes);
}

TEST(ExportedModel, RefusesAnotherNetworkAndOddInputs) {
  const Deployable net = deployable_from_exported(by_another_tool(), "detectnet_v2");
  EXPECT_NE(message_of([&] {
              deployable_from_exported(ModelProto(net.model), "mask_rcnn");
            }).find("'detectnet_v2'"),
            std::string::npos);
  EXPECT_NE(message_of([&] {
              deployable_from_exported(by_another_tool(), "mask_rcnn");
            }).find("generate_detections"),
            std::string::npos);
  for (const char* input : {"float[N,3,H,32] x", "float[N,4,16,32] x", "float[N,3,16] x", "float[N,3,0,32] x",
                            "float[N,3,16,32] x, float[1] y"})
    EXPECT_THROW(deployable_from_exported(by_another_tool(input), "detectnet_v2"), Error) << input;
}

}  // namespace
}  // namespace etalon
