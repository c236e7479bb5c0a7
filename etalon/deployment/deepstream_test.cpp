#include "etalon/deployment/deepstream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

ClassClustering nms_class(const std::string& name) {
  return {.class_name = name,
          .algorithm = ClassClustering::Algorithm::kNms,
          .coverage_threshold = 0.05,
          .nms_iou_threshold = 0.4,
          .nms_confidence_threshold = 0.05,
          .minimum_box_height = 4};
}

ClassClustering dbscan_class(const std::string& name, double eps) {
  return {.class_name = name,
          .algorithm = ClassClustering::Algorithm::kDbscan,
          .coverage_threshold = 0.005,
          .nms_iou_threshold = 0,
          .dbscan_eps = eps,
          .dbscan_min_samples = 0.05,
          .dbscan_confidence_threshold = 0.9,
          .minimum_box_height = 20};
}

Deployable bccd() {
  Deployable out;
  out.network = "detectnet_v2";
  out.input = "input_1";
  out.height = 240;
  out.width = 320;
  out.outputs = {{"output_bbox/BiasAdd", OutputRole::kBoxes}, {"output_cov/Sigmoid", OutputRole::kCoverage}};
  out.labels = {"rbc", "wbc", "platelets"};
  out.class_count = 3;
  for (const auto& label : out.labels) out.clustering.push_back(nms_class(label));
  return out;
}

TEST(NvinferConfig, IsCompleteForAnOnnxModel) {
  const auto config = nvinfer_config(bccd(), {.model_file = "bccd.onnx"});
  EXPECT_THAT(config.warnings, IsEmpty());
  EXPECT_EQ(config.text, R"([property]
net-scale-factor=0.00392156862745098
offsets=0.0;0.0;0.0
infer-dims=3;240;320
tlt-model-key=
network-type=0
num-detected-classes=3
model-color-format=0
maintain-aspect-ratio=0
output-tensor-meta=0
onnx-file=bccd.onnx
labelfile-path=labels.txt
network-mode=0
batch-size=1
gie-unique-id=1
process-mode=1
output-blob-names=output_cov/Sigmoid;output_bbox/BiasAdd
cluster-mode=2

[class-attrs-all]
pre-cluster-threshold=0.05
post-cluster-threshold=0.05
nms-iou-threshold=0.4
detected-min-h=4
)");
}

TEST(NvinferConfig, IsCompleteForAnEncryptedGreyInt8ModelWithClassesThatDiffer) {
  Deployable grey = bccd();
  grey.channels = 1;
  grey.preprocessing.order = ChannelOrder::kGrey;
  grey.clustering = {dbscan_class("rbc", 0.2), dbscan_class("wbc", 0.15), dbscan_class("platelets", 0.2)};
  const auto config = nvinfer_config(grey, {.model_file = "out/bccd.etlt",
                                            .encrypted = true,
                                            .key = " k\\y",
                                            .calibration_cache = "../cal.bin",
                                            .mode = NetworkMode::kInt8});
  EXPECT_THAT(config.warnings, IsEmpty());
  EXPECT_EQ(config.text, R"([property]
net-scale-factor=0.00392156862745098
offsets=0
infer-dims=1;240;320
tlt-model-key=\sk\\y
network-type=0
num-detected-classes=3
model-color-format=2
maintain-aspect-ratio=0
output-tensor-meta=0
tlt-encoded-model=out/bccd.etlt
labelfile-path=labels.txt
int8-calib-file=../cal.bin
network-mode=1
batch-size=1
gie-unique-id=1
process-mode=1
output-blob-names=output_cov/Sigmoid;output_bbox/BiasAdd
cluster-mode=1

[class-attrs-all]
pre-cluster-threshold=0.005
eps=0.2
minBoxes=1
dbscan-min-score=0.9
detected-min-h=20

[class-attrs-1]
pre-cluster-threshold=0.005
eps=0.15
minBoxes=1
dbscan-min-score=0.9
detected-min-h=20
)");
}

// Mask R-CNN as it is exported with TensorRT's plugins: a batch of two.
Deployable mask_rcnn() {
  Deployable out;
  out.network = "mask_rcnn";
  out.preprocessing.mean = {123.675, 116.28, 103.53};
  out.preprocessing.scale = 0.017507;
  out.input = "Input";
  out.height = 832;
  out.width = 1344;
  out.outputs = {{"mask_fcn_logits/BiasAdd", OutputRole::kMasks},
                 {"generate_detections", OutputRole::kDetections}};
  out.labels = {"BG", "person", "kite"};
  out.class_count = 3;
  auto& graph = *out.model.mutable_graph();
  auto& input = *graph.add_input();
  input.set_name("Input");
  for (const int side : {2, 3, 832, 1344})
    input.mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(side);
  auto& plugin = *graph.add_node();
  plugin.set_op_type("GenerateDetection_TRT");
  auto& version = *plugin.add_attribute();
  version.set_name("plugin_version");
  version.set_type(AttributeProto::STRING);
  version.set_s("1");
  return out;
}

TEST(NvinferConfig, IsCompleteForDetectionsAndMasks) {
  const auto config = nvinfer_config(mask_rcnn(), {.model_file = "mrcnn.onnx",
                                                   .key = "nvidia_tlt",
                                                   .calibration_cache = "cal.bin",
                                                   .mode = NetworkMode::kInt8});
  EXPECT_EQ(config.text, R"([property]
net-scale-factor=0.017507
offsets=123.675;116.28;103.53
infer-dims=3;832;1344
tlt-model-key=nvidia_tlt
network-type=3
num-detected-classes=3
output-blob-names=generate_detections;mask_fcn_logits/BiasAdd
model-color-format=0
maintain-aspect-ratio=1
output-tensor-meta=0
onnx-file=mrcnn.onnx
model-engine-file=mrcnn.onnx.engine
labelfile-path=labels.txt
int8-calib-file=cal.bin
network-mode=1
batch-size=2
gie-unique-id=1
process-mode=1
cluster-mode=4
symmetric-padding=0
output-instance-mask=1
segmentation-threshold=0
parse-bbox-instance-mask-func-name=NvDsInferParseCustomMrcnnTLTV2
custom-lib-path=/opt/nvidia/deepstream/deepstream/lib/libnvds_infercustomparser.so

[class-attrs-all]
pre-cluster-threshold=0.5
)");
  EXPECT_THAT(
      config.warnings,
      ElementsAre("nvinfer makes the batch dynamic when it builds an engine, which TensorRT's plugins "
                  "of this network cannot have: build the engine before, in the model's folder: trtexec "
                  "--onnx=mrcnn.onnx --saveEngine=mrcnn.onnx.engine --int8 --calib=cal.bin"));
}

TEST(NvinferConfig, TellsTheEngineThatWasAskedFor) {
  EXPECT_THAT(nvinfer_config(mask_rcnn(), {.model_file = "m.onnx", .mode = NetworkMode::kFp16}).warnings,
              ElementsAre(EndsWith("trtexec --onnx=m.onnx --saveEngine=m.onnx.engine --fp16")));
  EXPECT_THAT(nvinfer_config(mask_rcnn(), {.model_file = "it's.onnx",
                                           .calibration_cache = "../a cal.bin",
                                           .mode = NetworkMode::kInt8})
                  .warnings,
              ElementsAre(EndsWith(R"(trtexec '--onnx=it'\''s.onnx' '--saveEngine=it'\''s.onnx.engine' )"
                                   "--int8 '--calib=../a cal.bin'")));
}

TEST(NvinferConfig, SendsAnEncryptedModelWithPluginsBackToExport) {
  EXPECT_THAT(
      nvinfer_config(mask_rcnn(), {.model_file = "m.etlt", .encrypted = true}).warnings,
      ElementsAre(HasSubstr("cannot have: export it as .onnx and build the engine from that before")));
}

TEST(NvinferConfig, NeedsNoEngineBeforehandForMasksWithoutPlugins) {
  Deployable portable = mask_rcnn();
  portable.model.mutable_graph()->clear_node();
  portable.model.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_param("N");
  portable.labels.clear();
  const auto config = nvinfer_config(portable, {.model_file = "mrcnn.onnx"});
  EXPECT_THAT(config.warnings, ElementsAre(HasSubstr("TopK of 4096, and TensorRT takes at most 3840")));
  EXPECT_THAT(config.text, HasSubstr("\nbatch-size=1\n"));
  EXPECT_THAT(config.text, HasSubstr("\nnum-detected-classes=3\n"));
  EXPECT_THAT(config.text, Not(HasSubstr("model-engine-file")));
  EXPECT_THAT(config.text, Not(HasSubstr("labelfile-path")));
}

TEST(NvinferConfig, WarnsOfNamesThatTheParserOfMasksDoesNotKnow) {
  Deployable renamed = mask_rcnn();
  renamed.model.Clear();
  renamed.outputs[0].tensor = "mask_fcn_logits/BiasAdd:0";
  EXPECT_THAT(nvinfer_config(renamed, {.model_file = "m.onnx"}).warnings,
              Contains("nvinfer's parser of masks looks for an output 'mask_fcn_logits/BiasAdd' and will not "
                       "find 'mask_fcn_logits/BiasAdd:0'"));
}

TEST(NvinferConfig, RefusesABatchThatNvinferRefuses) {
  Deployable large = mask_rcnn();
  large.model.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_value(1025);
  EXPECT_THROW(nvinfer_config(large, {.model_file = "m.onnx"}), Error);
}

TEST(NvinferConfig, TakesTheNumberOfClassesFromTheNetworkWithoutASpecification) {
  Deployable bare = bccd();
  bare.labels.clear();
  bare.clustering.clear();
  const auto config = nvinfer_config(bare, {.model_file = "m.onnx", .mode = NetworkMode::kFp16});
  EXPECT_THAT(config.text, HasSubstr("\nnum-detected-classes=3\n"));
  EXPECT_THAT(config.text, HasSubstr("\nnetwork-mode=2\n"));
  EXPECT_THAT(config.text, Not(HasSubstr("labelfile-path")));
  EXPECT_THAT(
      config.text,
      HasSubstr("cluster-mode=2\n\n[class-attrs-all]\npre-cluster-threshold=0.2\npost-cluster-threshold=0\n"
                "nms-iou-threshold=0.5\ndetected-min-h=0\n"));
}

TEST(NvinferConfig, WarnsOfWhatNvinferDoesOtherwise) {
  const DeepStreamModel model{.model_file = "m.onnx"};
  Deployable scaled = bccd();
  scaled.box_code.scale = 20;
  EXPECT_THAT(nvinfer_config(scaled, model).warnings,
              ElementsAre("the boxes were trained with scale 20 and offset 0.5; nvinfer's built-in parser "
                          "assumes 35 and 0.5 and will place "
                          "them wrongly: give it a parser of your own (parse-bbox-func-name)"));

  Deployable mixed = bccd();
  mixed.clustering[0] = dbscan_class("rbc", 0.2);
  const auto config = nvinfer_config(mixed, model);
  EXPECT_THAT(config.warnings, ElementsAre("nvinfer clusters all classes alike, here by NMS; class 'rbc' was "
                                           "set to DBSCAN: look at its thresholds"));
  EXPECT_THAT(config.text, HasSubstr("cluster-mode=2\n"));
  EXPECT_THAT(config.text,
              HasSubstr("nms-iou-threshold=0.3\n"));  // not rbc's 0, which would strike out every box

  Deployable renamed = bccd();
  renamed.outputs[0].tensor = "boxes";
  EXPECT_THAT(
      nvinfer_config(renamed, model).warnings,
      ElementsAre(
          "nvinfer's built-in parser looks for an output with 'bbox' in its name and will not find 'boxes'"));

  EXPECT_THAT(
      nvinfer_config(bccd(), {.model_file = "m.onnx", .mode = NetworkMode::kInt8}).warnings,
      ElementsAre("without a calibration cache nvinfer runs the network in FP16 although INT8 is asked for"));
}

TEST(NvinferConfig, RefusesWhatNvinferWouldRefuse) {
  const auto error = [](const ClassClustering& clustering) {
    Deployable one = bccd();
    one.clustering[1] = clustering;
    try {
      nvinfer_config(one, {.model_file = "m.onnx"});
    } catch (const Error& e) {
      return e.line();
    }
    return std::string("no error");
  };
  ClassClustering clustering = nms_class("wbc");
  clustering.nms_iou_threshold = 1.5;
  EXPECT_EQ(error(clustering), "nms_iou_threshold is 1.5, expected 0 to 1, in class 'wbc'");
  clustering = nms_class("wbc");
  clustering.minimum_box_height = -1;
  EXPECT_EQ(error(clustering), "minimum_bounding_box_height is -1, expected 0 or more, in class 'wbc'");
  EXPECT_THROW(nvinfer_config(bccd(), {.model_file = "two\nlines.onnx"}), Error);
}

TEST(NvinferConfig, HasEveryLineThatTaoWrites) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA does not name the folder of sample models";
  std::ifstream golden(std::string(data) + "/models/detectnet_v2/bccd_resnet10.nvinfer_config.txt");
  std::stringstream lines;
  lines << golden.rdbuf();
  ASSERT_FALSE(lines.str().empty());
  EXPECT_THAT(nvinfer_config(bccd(), {.model_file = "m.onnx", .key = "key"}).text,
              ::testing::StartsWith("[property]\n" + lines.str()));
}

TEST(LabelsTxt, HasOneNameALine) {
  EXPECT_EQ(labels_txt({"rbc", "white cell"}), "rbc\nwhite cell\n");
  EXPECT_EQ(labels_txt({}), "");
  for (const auto& bad : {"", "a;b", "a\nb", "a\r"}) EXPECT_THROW(labels_txt({"ok", bad}), Error) << bad;
}

}  // namespace
}  // namespace etalon
