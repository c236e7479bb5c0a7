#include "etalon/onnx/padding_fault.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "etalon/onnx/graph_index.hpp"
#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

// A DetectNet_v2 by the default route with one node of interest before its heads.
ModelProto default_route(const std::string& node, int height = 16, int width = 16) {
  auto model =
      parse_model(R"(<ir_version: 7, opset_import: ["" : 13], producer_name: "keras2onnx"> g (float[N,1,)" +
                  std::to_string(height) + "," + std::to_string(width) +
                  R"(] x) => (float output_cov, float output_bbox) { convolution_output1 = )" + node +
                  R"( output_cov = Sigmoid(convolution_output1) output_bbox = Relu(convolution_output1) })");
  add_floats(model, "w3", {1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  model.mutable_graph()->mutable_node(0)->set_name("layer");
  return model;
}

TEST(PaddingFault, FindsAStridedConvolutionThatWasShifted) {
  const auto faults = find_padding_faults(
      default_route("Conv<kernel_shape = [3,3], strides = [2,2], pads = [0,0,1,1]>(x, w3)"));
  ASSERT_THAT(faults, SizeIs(1));
  EXPECT_EQ(faults[0].node, "layer");
  EXPECT_EQ(faults[0].op, "Conv");
  EXPECT_EQ(faults[0].found, "pads [0,0,1,1]");
  EXPECT_EQ(faults[0].expected, "pads [1,1,1,1]");
}

TEST(PaddingFault, FindsOneAxisWhenOnlyThatIsWrong) {
  const auto faults = find_padding_faults(
      default_route("Conv<kernel_shape = [3,3], strides = [2,2], pads = [1,0,1,1]>(x, w3)", 17, 16));
  ASSERT_THAT(faults, SizeIs(1));
  EXPECT_EQ(faults[0].expected, "pads [1,1,1,1]");
}

TEST(PaddingFault, FindsPoolsThatWereLeftToSameUpper) {
  EXPECT_THAT(find_padding_faults(default_route(
                  R"(MaxPool<kernel_shape = [3,3], strides = [2,2], auto_pad = "SAME_UPPER">(x))")),
              SizeIs(1));
  EXPECT_THAT(find_padding_faults(default_route(
                  R"(MaxPool<kernel_shape = [2,2], strides = [2,2], auto_pad = "SAME_UPPER">(x))", 17, 16)),
              SizeIs(1));
  const auto average = find_padding_faults(
      default_route(R"(AveragePool<kernel_shape = [7,7], strides = [1,1], auto_pad = "SAME_UPPER">(x))"));
  ASSERT_THAT(average, SizeIs(1));
  EXPECT_EQ(average[0].expected, "pads [3,3,3,3], padded zeros counted");
}

TEST(PaddingFault, MustNotNameWhatIsPaddedAsTrained) {
  for (const char* node : {
           "Conv<kernel_shape = [3,3], strides = [1,1], pads = [1,1,1,1]>(x, w3)",
           "Conv<kernel_shape = [3,3], strides = [2,2], pads = [1,1,1,1]>(x, w3)",
           R"(Conv<kernel_shape = [3,3], strides = [2,2], auto_pad = "VALID">(x, w3))",
           R"(MaxPool<kernel_shape = [2,2], strides = [2,2], auto_pad = "SAME_UPPER">(x))",
           R"(MaxPool<kernel_shape = [3,3], strides = [1,1], auto_pad = "SAME_UPPER">(x))",
       })
    EXPECT_THAT(find_padding_faults(default_route(node)), IsEmpty()) << node;
}

TEST(PaddingFault, MustNotNameADepthwiseConvolution) {
  auto model =
      default_route("Conv<kernel_shape = [3,3], strides = [2,2], pads = [0,0,1,1], group = 2>(x, w3)");
  EXPECT_THAT(find_padding_faults(model), IsEmpty());
}

TEST(PaddingFault, MustNotNameAnybodyElsesModel) {
  auto other = default_route("Conv<kernel_shape = [3,3], strides = [2,2], pads = [0,0,1,1]>(x, w3)");
  other.mutable_graph()->mutable_output(0)->set_name("probabilities");
  other.mutable_graph()->mutable_node(1)->set_output(0, "probabilities");
  EXPECT_THAT(find_padding_faults(other), IsEmpty());
  // The right route keeps TensorFlow's names and folds explicit pads, of an EfficientNet's stem for example.
  auto right = default_route("Conv<kernel_shape = [3,3], strides = [2,2], pads = [0,0,1,1]>(x, w3)");
  right.set_producer_name("tf2onnx");
  for (auto& node : *right.mutable_graph()->mutable_node()) {
    for (auto& input : *node.mutable_input())
      if (input == "convolution_output1") input = "stem_conv/convolution:0";
    for (auto& output : *node.mutable_output())
      if (output == "convolution_output1") output = "stem_conv/convolution:0";
  }
  EXPECT_THAT(find_padding_faults(right), IsEmpty());
}

TEST(PaddingFault, NamesTheFourOfNvidiasOwnExport) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA is not set";
  const auto faults = find_padding_faults(
      read_onnx(std::filesystem::path(data) / "models/detectnet_v2/bccd_resnet18.nvidia.onnx"));
  ASSERT_THAT(faults, SizeIs(4));
  EXPECT_EQ(faults[0].node, "conv1");
  EXPECT_EQ(faults[0].found, "pads [2,2,3,3]");
  EXPECT_EQ(faults[0].expected, "pads [3,3,3,3]");
  EXPECT_EQ(faults[3].node, "block_3a_conv_1");
}

TEST(PaddingFault, RepairsWhatItFinds) {
  auto model = default_route("Conv<kernel_shape = [3,3], strides = [2,2], pads = [0,0,1,1]>(x, w3)");
  EXPECT_THAT(repair_padding_faults(model), SizeIs(1));
  EXPECT_THAT(ints_attribute(model.graph().node(0), "pads"), testing::ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(find_padding_faults(model), IsEmpty());
  check_onnx(model);
}

TEST(PaddingFault, RepairsPoolsAndTheSizesBehindThem) {
  auto model =
      default_route(R"(MaxPool<kernel_shape = [2,2], strides = [2,2], auto_pad = "SAME_UPPER">(x))", 17, 16);
  auto& shape =
      *model.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
  for (const int size : {1, 1, 9, 8}) shape.add_dim()->set_dim_value(size);
  EXPECT_THAT(repair_padding_faults(model), SizeIs(1));
  const auto& node = model.graph().node(0);
  EXPECT_EQ(find_attribute(node, "auto_pad"), nullptr);
  EXPECT_THAT(ints_attribute(node, "pads"), testing::ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(model.graph().output(0).type().tensor_type().shape().dim(2).dim_value(), 8);
}

TEST(PaddingFault, RepairedAveragesCountTheirZeros) {
  auto model =
      default_route(R"(AveragePool<kernel_shape = [7,7], strides = [1,1], auto_pad = "SAME_UPPER">(x))");
  EXPECT_THAT(repair_padding_faults(model), SizeIs(1));
  EXPECT_EQ(int_attribute(model.graph().node(0), "count_include_pad", 0), 1);
  EXPECT_THAT(find_padding_faults(model), IsEmpty());
}

TEST(PaddingFault, RepairLeavesARightModelAsItIs) {
  auto model = default_route("Conv<kernel_shape = [3,3], strides = [2,2], pads = [1,1,1,1]>(x, w3)");
  const std::string before = onnx_bytes(model);
  EXPECT_THAT(repair_padding_faults(model), IsEmpty());
  EXPECT_EQ(onnx_bytes(model), before);
}

}  // namespace
}  // namespace etalon
