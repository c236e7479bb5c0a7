#include "etalon/onnx/raise_opset.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/base/error.hpp"
#include "etalon/onnx/graph_index.hpp"
#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

TEST(RaiseOpset, SaysWhatChangedInTheNewOperatorsWords) {
  auto model =
      parse_model(R"(<ir_version: 7, opset_import: ["" : 13]> g (float[1,4,2,2] x) => (float[1,2,1,1] y) {
    a, b = Split<axis = 1>(x)  m = ReduceMax<axes = [2, 3]>(a)  n = ReduceMean(b)  y = Add(m, n) })");
  raise_opset_to_19(model);
  EXPECT_EQ(opset_of(model), 19);
  EXPECT_EQ(model.ir_version(), 9);
  check_onnx(model);
  const GraphProto& graph = model.graph();
  EXPECT_EQ(int_attribute(graph.node(0), "num_outputs", 0), 2);
  ASSERT_EQ(graph.node(1).input_size(), 2);
  EXPECT_EQ(graph.node(1).input(1), "m/axes");
  EXPECT_EQ(find_attribute(graph.node(1), "axes"), nullptr);
  EXPECT_EQ(graph.initializer(0).int64_data_size(), 2);
  EXPECT_EQ(graph.node(2).input_size(), 1);  // over all axes, as before
}

TEST(RaiseOpset, KeepsTheOldMeaningOfRoiAlign) {
  auto model =
      parse_model(R"(<ir_version: 7, opset_import: ["" : 13]> g (float[1,1,4,4] x, float[1,4] r, int64[1] i)
    => (float[1,1,1,1] y) { y = RoiAlign(x, r, i) })");
  raise_opset_to_19(model);
  EXPECT_EQ(string_attribute(model.graph().node(0), "coordinate_transformation_mode", ""),
            "output_half_pixel");
}

TEST(RaiseOpset, LeavesNewModelsAloneAndRefusesOldOnes) {
  auto model = parse_model(R"(<ir_version: 9, opset_import: ["" : 20]> g (float[1,4] x) => (float[1,2] y) {
    y, z = Split<axis = 1>(x) })");
  const auto before = model.SerializeAsString();
  raise_opset_to_19(model);
  EXPECT_EQ(model.SerializeAsString(), before);
  model.mutable_opset_import(0)->set_version(12);
  EXPECT_THROW(raise_opset_to_19(model), Error);
}

TEST(RaiseOpset, RefusesBatchNormalisationOfTraining) {
  auto model =
      parse_model(R"(<ir_version: 7, opset_import: ["" : 13]> g (float[1,4] x, float[4] s) => (float[1,4] y) {
    y, m, v, n, w = BatchNormalization(x, s, s, s, s) })");
  EXPECT_THROW(raise_opset_to_19(model), Error);
}

}  // namespace
}  // namespace etalon
