#include "etalon/networks/mask_rcnn/labels.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(MaskRcnnLabels, AreTheBackgroundAndTheNamesInOrderOfTheirIds) {
  const std::vector<CocoCategory> categories{{3, "kite"}, {1, "person"}, {2, "dog"}};
  const MaskRcnnLabels labels = labels_of(categories, 4);
  EXPECT_THAT(labels.names, ElementsAre("BG", "person", "dog", "kite"));
  EXPECT_THAT(labels.warnings, IsEmpty());
}

TEST(MaskRcnnLabels, HaveALineForEachClassWhereIdsAreMissing) {
  const std::vector<CocoCategory> categories{{1, "person"}, {4, "kite"}};
  const MaskRcnnLabels labels = labels_of(categories, 7);
  EXPECT_THAT(labels.names, ElementsAre("BG", "person", "class_2", "class_3", "kite", "class_5", "class_6"));
  EXPECT_THAT(labels.warnings, ElementsAre(HasSubstr("no category with the ids 2, 3, 5, 6: named class_N")));
}

TEST(MaskRcnnLabels, LeaveOutWhatIsNoClassOfTheNetworkAndSaySo) {
  const std::vector<CocoCategory> categories{{0, "zero"}, {1, "one"}, {1, "uno"}, {2, "two"}, {-5, "five"}};
  const MaskRcnnLabels labels = labels_of(categories, 2);
  EXPECT_THAT(labels.names, ElementsAre("BG", "uno"));
  EXPECT_THAT(labels.warnings, ElementsAre(HasSubstr("ids -5, 0, 2, which are no classes of the network: "
                                                     "data_config.num_classes is 2"),
                                           HasSubstr("several categories with the ids 1")));
}

TEST(MaskRcnnLabels, AreNotKnownWithoutAnAnnotationFile) {
  const auto read = [](const std::string& path) {
    MaskRcnnSpec spec;
    spec.experiment.mutable_data_config()->set_num_classes(3);
    spec.experiment.mutable_data_config()->set_val_json_file(path);
    return read_labels(spec);
  };
  EXPECT_THAT(read("").names, IsEmpty());
  EXPECT_THAT(read("").warnings, ElementsAre(HasSubstr("val_json_file is not given")));
  EXPECT_THAT(read("/nonexistent/val.json").names, IsEmpty());
  EXPECT_THAT(read("/nonexistent/val.json").warnings,
              ElementsAre(HasSubstr("no file '/nonexistent/val.json'")));

  const auto file = std::filesystem::temp_directory_path() / "etalon_labels_test.json";
  std::ofstream(file) << R"({"categories": [{"id": 2, "name": "b"}, {"id": 1, "name": "a"}]})";
  EXPECT_THAT(read(file.string()).names, ElementsAre("BG", "a", "b"));
  std::ofstream(file) << "{";
  EXPECT_THROW(read(file.string()), Error);
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace etalon
