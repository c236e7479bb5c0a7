#include "etalon/networks/metadata.hpp"

#include <gtest/gtest.h>

#include "etalon/base/message_of_test.hpp"

namespace etalon {
namespace {

ModelProto model_with_outputs(std::initializer_list<const char*> names) {
  ModelProto model;
  for (const char* name : names) model.mutable_graph()->add_output()->set_name(name);
  return model;
}

void add_entry(ModelProto& model, const char* key, const char* value) {
  auto& entry = *model.add_metadata_props();
  entry.set_key(key);
  entry.set_value(value);
}

Deployable detector() {
  Deployable net;
  net.model = model_with_outputs({"cov", "box"});
  net.network = "detectnet_v2";
  net.preprocessing.order = ChannelOrder::kGrey;
  net.preprocessing.mean[0] = 7.5;
  net.outputs = {{"cov", OutputRole::kCoverage}, {"box", OutputRole::kBoxes}};
  net.labels = {"car", "a \"b\""};
  net.clustering.push_back({"car", ClassClustering::Algorithm::kHybrid, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 7});
  net.clustering.push_back({"a \"b\"", ClassClustering::Algorithm::kDbscan, 1, 1, 1, 1, 1, 1, 0});
  net.box_code = {17.5, 0.25};
  return net;
}

TEST(Metadata, ReadsBackWhatItWrote) {
  Deployable net = detector();
  write_metadata(net);
  const ServedModel served = served_model_in(net.model);
  EXPECT_EQ(served.network, "detectnet_v2");
  ASSERT_TRUE(served.preprocessing);
  EXPECT_EQ(served.preprocessing->order, ChannelOrder::kGrey);
  EXPECT_EQ(served.preprocessing->mean[0], 7.5);
  EXPECT_EQ(served.labels, net.labels);
  EXPECT_EQ(served.tensor_of(OutputRole::kCoverage), "cov");
  EXPECT_EQ(served.tensor_of(OutputRole::kBoxes), "box");
  EXPECT_EQ(served.tensor_of(OutputRole::kMasks), std::nullopt);
  ASSERT_EQ(served.clustering.size(), 2U);
  EXPECT_EQ(served.clustering[0].algorithm, ClassClustering::Algorithm::kHybrid);
  EXPECT_EQ(served.clustering[0].dbscan_min_samples, 0.5);
  EXPECT_EQ(served.clustering[0].minimum_box_height, 7);
  EXPECT_EQ(served.clustering[1].class_name, "a \"b\"");
  ASSERT_TRUE(served.box_code);
  EXPECT_EQ(served.box_code->scale, 17.5);
  EXPECT_EQ(served.box_code->offset, 0.25);
}

TEST(Metadata, SaysNothingOfBoxCodesForANetworkThatHasNone) {
  Deployable net;
  net.model = model_with_outputs({"generate_detections", "mask_fcn_logits/BiasAdd"});
  net.network = "mask_rcnn";
  net.outputs = {{"generate_detections", OutputRole::kDetections},
                 {"mask_fcn_logits/BiasAdd", OutputRole::kMasks}};
  write_metadata(net);
  const ServedModel served = served_model_in(net.model);
  EXPECT_FALSE(served.box_code);
  EXPECT_TRUE(served.labels.empty());
  EXPECT_TRUE(served.clustering.empty());
  EXPECT_EQ(served.tensor_of(OutputRole::kMasks), "mask_fcn_logits/BiasAdd");
}

TEST(Metadata, KnowsOutputsByTheirNamesWhereAFileSaysNothing) {
  const auto served = served_model_in(model_with_outputs({"output_bbox/BiasAdd:0", "output_cov/Sigmoid:0"}));
  EXPECT_EQ(served.tensor_of(OutputRole::kCoverage), "output_cov/Sigmoid:0");
  EXPECT_EQ(served.tensor_of(OutputRole::kBoxes), "output_bbox/BiasAdd:0");
  EXPECT_FALSE(served.network);
  EXPECT_FALSE(served.preprocessing);
  const auto masks = served_model_in(model_with_outputs({"generate_detections", "mask_fcn_logits/BiasAdd"}));
  EXPECT_EQ(masks.tensor_of(OutputRole::kDetections), "generate_detections");
  EXPECT_EQ(masks.tensor_of(OutputRole::kMasks), "mask_fcn_logits/BiasAdd");
  EXPECT_TRUE(served_model_in(model_with_outputs({"logits"})).outputs.empty());
}

TEST(Metadata, RefusesDamagedEntries) {
  struct Case {
    const char *key, *value, *says;
  };
  const Case cases[] = {
      {"etalon.preprocessing", "{", "'etalon.preprocessing' is damaged"},
      {"etalon.preprocessing", R"({"channel_order":"rgb","layout":"nchw","mean":[1,2,3,4],"scale":1})",
       "mean is no colour"},
      {"etalon.preprocessing", R"({"channel_order":"cmyk","layout":"nchw","mean":[0],"scale":1})", "'cmyk'"},
      {"etalon.labels", "3", "'etalon.labels' is damaged"},
      {"etalon.labels", "[\"a\", 1]", "'etalon.labels' is damaged"},
      {"etalon.outputs", "{}", "expected a list"},
      {"etalon.outputs", R"([{"role":"coverage"}])", "'etalon.outputs' is damaged"},
      {"etalon.outputs", R"([{"role":"halo","tensor":"cov"}])", "'halo'"},
      {"etalon.outputs", R"([{"role":"coverage","tensor":"absent"}])", "'absent', which is no output"},
      {"etalon.box_code", R"({"offset":0.5,"scale":-1})", "scale -1"},
      {"etalon.box_code", R"({"offset":0.5,"scale":null})", "'etalon.box_code' is damaged"},
      {"etalon.clustering", "[[]]", "'etalon.clustering' is damaged"},
      {"etalon.clustering",
       R"([{"class":"a","algorithm":"nms","coverage_threshold":0,"nms_iou_threshold":0,
       "nms_confidence_threshold":0,"dbscan_eps":0,"dbscan_min_samples":0,"dbscan_confidence_threshold":0,
       "minimum_box_height":1e300}])",
       "minimum_box_height"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.value);
    ModelProto model = model_with_outputs({"cov"});
    add_entry(model, one.key, one.value);
    const std::string said = message_of([&] { served_model_in(model); });
    EXPECT_NE(said.find(one.says), std::string::npos) << said;
  }
}

}  // namespace
}  // namespace etalon
