#include "etalon/spec/detectnet_v2_spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string error_of(std::string_view text) {
  try {
    parse_detectnet_v2_spec(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kBadInput);
    return error.line();
  }
  return "no error";
}

std::vector<std::string> findings_of(std::string_view text) {
  std::vector<std::string> out;
  for (const auto& finding : parse_detectnet_v2_spec(text).findings) out.push_back(describe(finding));
  return out;
}

TEST(DetectnetV2Spec, TellsWhatIsWrongAndWhere) {
  struct Case {
    std::string text, message;
  };
  const std::string postprocessing =
      "postprocessing_config { target_class_config { key: 'car' value { clustering_config {\n";
  const std::vector<Case> cases{
      {"", "is empty, expected a specification of DetectNet_v2"},
      {" # nothing but a comment\n", "is empty, expected a specification of DetectNet_v2"},
      {std::string("random_seed: 1\0", 15),
       "is a binary file, expected a specification in protobuf's text format (is this the model?)"},
      {"\x89HDF\r\n", "does not parse: Interpreting non ascii codepoint 137, in line 1, column 1"},
      {"random_seed: 0.5", "does not parse: Expected integer, got: 0.5, in line 1, column 14"},
      {"random_seed: -1", "does not parse: Expected integer, got: -, in line 1, column 14"},
      {"random_seed: 99999999999",
       "does not parse: Integer out of range (99999999999), in line 1, column 14"},
      {"random_seed = 3", "does not parse: Expected \":\", found \"=\", in line 1, column 13"},
      {"model_config {\n  arch: resnet\n}",
       "does not parse: Expected string, got: resnet, in line 2, column 9 (write it in quotes)"},
      {"model_config {\n  arch: \"resnet\n}",
       "does not parse: String literals cannot cross line boundaries, in line 2, column 16"},
      {"model_config {\n  load_graph: yes\n}",
       "does not parse: Invalid value for boolean field \"load_graph\". Value: \"yes\", in line 2, column "
       "15"},
      {"model_config {\n  num_layers: 18\n",
       "does not parse: the file ends in the middle of a block or a value, in line 3, column 1 (is a closing "
       "brace missing?)"},
      {"model_config { }\n}", "does not parse: Expected identifier, got: }, in line 2, column 1"},
      {postprocessing + "clustering_algorithm: NMSX } } } }",
       "does not parse: Unknown enumeration value of \"NMSX\" for field \"clustering_algorithm\", in line 2, "
       "column 23"},
      {postprocessing + "clustering_algorithm: 7 } } } }",
       "clustering_algorithm is 7, expected one of DBSCAN, NMS, HYBRID, in clustering_config, in value, in "
       "target_class_config, in "
       "postprocessing_config"},
      {"bananas: 3",
       "has no field of a DetectNet_v2 specification, the first one is 'bananas' (is this a specification of "
       "another network?)"},
      {"seed: 7\ndata_config { num_classes: 4 }\nmaskrcnn_config { nlayers: 10 }",
       "this is the experiment specification of Mask R-CNN ('maskrcnn_config' is its field), expected the "
       "experiment "
       "specification of DetectNet_v2, in "
       "line 3, column 1 (give the file that the network was trained with)"},
      {"model_config { arch: \"resnet\" n_layers: 18 }\ntrain_config { n_epochs: 1 }",
       "this is a specification of classification ('train_config' is its field), expected the experiment "
       "specification of DetectNet_v2, "
       "in line 2, column 1 (give the file that the network was trained with)"},
      {"inferencer_config { }",
       "this is a specification of DetectNet_v2's inference task ('inferencer_config' is its field), "
       "expected the experiment specification "
       "of DetectNet_v2, in line 1, column 1 (give the file that the network was trained with)"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(error_of(text), message) << text;
}

TEST(DetectnetV2Spec, RefusesDeepNestingInsteadOfRunningOutOfStack) {
  const auto repeated = [](std::string_view piece) {
    std::string out = "a: ";
    for (int i = 0; i < 200'000; ++i) out += piece;
    return out;
  };
  for (const auto& piece : {"[", "a {", "{ a:", "a <"})
    EXPECT_THAT(error_of(repeated(piece)), ::testing::HasSubstr("does not parse")) << piece;
}

TEST(DetectnetV2Spec, PassesOverUnknownFieldsWithAFinding) {
  EXPECT_THAT(findings_of("random_sed: 42\nrandom_seed: 42"),
              ElementsAre("line 1, column 1: unknown field 'random_sed' of Experiment is passed over, did "
                          "you mean 'random_seed'?"));
  // The place is the name's, though the parser has read on to the next line; what is inside is passed over
  // unread.
  EXPECT_THAT(findings_of("model_config {\n  objective_sets\n  {\n    bbox { scal: 1 }\n  }\n  qwertyuiop: "
                          "[1, { a: \"}\" }]\n}"),
              ElementsAre("line 2, column 3: unknown field 'objective_sets' of ModelConfig is passed over, "
                          "did you mean 'objective_set'?",
                          "line 6, column 3: unknown field 'qwertyuiop' of ModelConfig is passed over"));
  EXPECT_THAT(findings_of("[a.b]: 3 random_seed: 1"), ::testing::SizeIs(1));
}

// Python's text_format.Merge, the parser of the original, gives the same values for this text (without the
// mark).
TEST(DetectnetV2Spec, ReadsAsTheOriginalDoes) {
  const auto spec = parse_detectnet_v2_spec(
      "\xef\xbb\xbfrandom_seed: 1, random_seed: 0x10;\n"
      "model_config: < arch: 'res' \"net\" use_pooling: True all_projections: 1 freeze_bn: t load_graph: "
      "False num_layers: 10\n"
      "  freeze_blocks: [0, 1.5f] freeze_blocks: 3 >\n"
      "model_config { num_layers: 18 objective_set { bbox { scale: 35 offset: .5 } } }\n"
      "dataset_config { target_class_mapping { key: 'van' value: 'bus' } target_class_mapping { key: 'van' "
      "value: 'car' }\n"
      "  dataloader_mode: 1 validation_fold: 0 validation_data_source { tfrecords_path: 'x' } }\n"
      "postprocessing_config { target_class_config { key: 'car' value { clustering_config { "
      "dbscan_min_samples: 0.05 } } } }\n");
  EXPECT_THAT(spec.findings, IsEmpty());
  const auto& experiment = spec.experiment;
  EXPECT_EQ(experiment.random_seed(), 16U);
  EXPECT_EQ(experiment.model_config().arch(), "resnet");
  EXPECT_EQ(experiment.model_config().num_layers(), 18);
  EXPECT_TRUE(experiment.model_config().use_pooling());
  EXPECT_TRUE(experiment.model_config().all_projections());
  EXPECT_TRUE(experiment.model_config().freeze_bn());
  EXPECT_FALSE(experiment.model_config().load_graph());
  EXPECT_THAT(experiment.model_config().freeze_blocks(), ElementsAre(0.0F, 1.5F, 3.0F));
  EXPECT_EQ(experiment.model_config().objective_set().bbox().offset(), 0.5F);
  EXPECT_EQ(experiment.dataset_config().target_class_mapping().at("van"), "car");
  EXPECT_EQ(experiment.dataset_config().dataloader_mode(), detectnet_v2::DatasetConfig::LEGACY);
  EXPECT_TRUE(experiment.dataset_config().has_validation_data_source());
  EXPECT_EQ(experiment.postprocessing_config()
                .target_class_config()
                .at("car")
                .clustering_config()
                .dbscan_min_samples(),
            0.05);
}

TEST(DetectnetV2Spec, NamesTheClassesInTheOrderOfTheOutputs) {
  const auto names = [](const std::string& classes) {
    return target_class_names(
        parse_detectnet_v2_spec("random_seed: 1 cost_function_config {" + classes + "}").experiment);
  };
  const auto error = [&](const std::string& classes) {
    try {
      names(classes);
    } catch (const Error& e) {
      return e.line();
    }
    return std::string("no error");
  };
  EXPECT_THAT(names("target_classes { name: 'car' } target_classes { name: 'bus' }"),
              ElementsAre("car", "bus"));
  EXPECT_EQ(
      error(""),
      "target_classes is empty, expected the names of the classes in the order of the network's outputs, in "
      "cost_function_config");
  EXPECT_EQ(error("target_classes { name: 'car' } target_classes { class_weight: 1 }"),
            "target_classes number 2 has no name, in cost_function_config");
  EXPECT_EQ(error("target_classes { name: 'car' } target_classes { name: 'car' }"),
            "target class 'car' stands twice, in cost_function_config");
}

TEST(DetectnetV2Spec, ReadsEverySampleWithoutAFinding) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA does not name the folder of sample models";
  const std::filesystem::path root(data);
  std::vector<std::filesystem::path> specs{
      root / "models/detectnet_v2/bccd.spec.txt",
      root / "azureml/specs/detectnet_v2_train_resnet18_kitti.txt",
      root / "azureml/specs/detectnet_v2_retrain_resnet18_kitti_qat.txt"};
  for (const auto& entry : std::filesystem::directory_iterator(root / "models/detectnet_v2/dataset/specs"))
    if (entry.path().filename().string().ends_with(".spec.txt")) specs.push_back(entry.path());
  for (const auto& path : specs) {
    const auto spec = read_detectnet_v2_spec(path);
    EXPECT_THAT(spec.findings, IsEmpty()) << path;
    EXPECT_FALSE(target_class_names(spec.experiment).empty()) << path;
  }
  EXPECT_THAT(target_class_names(read_detectnet_v2_spec(specs[0]).experiment),
              ElementsAre("rbc", "wbc", "platelets"));
  EXPECT_TRUE(read_detectnet_v2_spec(specs[2]).experiment.training_config().enable_qat());

  for (const auto& name :
       {"azureml/specs/detectnet_v2_inference_kitti_etlt.txt", "models/mask_rcnn/spec.txt",
        "models/detectnet_v2/dataset/specs/convert_bccd.txt", "models/detectnet_v2/bccd_resnet10.hdf5"})
    EXPECT_THROW(read_detectnet_v2_spec(root / name), Error) << name;
}

}  // namespace
}  // namespace etalon
