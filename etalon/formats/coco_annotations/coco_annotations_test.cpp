#include "etalon/formats/coco_annotations/coco_annotations.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "etalon/base/message_of_test.hpp"

namespace etalon {
namespace {

// "1 person, 3 dog"
std::string categories_in(const std::string& json) {
  std::istringstream stream(json);
  std::string text;
  for (const auto& [id, name] : parse_coco_categories(stream))
    text += (text.empty() ? "" : ", ") + std::to_string(id) + " " + name;
  return text;
}

TEST(CocoAnnotations, GiveTheirCategoriesAndNothingElse) {
  // As pycocotools writes, with other lists that have ids and names, too.
  EXPECT_EQ(categories_in(R"({"info": {"categories": [1], "id": 9},
    "images": [{"id": 3, "name": "x", "categories": [{"id": 7, "name": "no"}]}],
    "annotations": [{"id": 1, "segmentation": [[1.5, 2e3]], "iscrowd": 0, "bbox": [], "x": null, "y": true}],
    "categories": [{"supercategory": "animal", "id": 3, "name": "dog", "more": {"id": 5, "name": "inner"},
                    "keypoints": ["a", ["b"]]},
                   {"name": "h\u00e9ron", "id": 1}]})"),
            "3 dog, 1 héron");
  EXPECT_EQ(categories_in(R"({"categories": []})"), "");
  EXPECT_EQ(categories_in(R"({"categories": [{"id": -2, "name": ""}]})"), "-2 ");
  // Behind the list nothing is read.
  EXPECT_EQ(categories_in(R"({"categories": [{"id": 1, "name": "a"}], "annotations": [NaN)"), "1 a");
  // Python writes this; brackets and quotes within texts are none.
  EXPECT_EQ(
      categories_in(
          R"({"a": [NaN, "]}\"", "\\"], "b\"{": "categories", "categories": [{"id": 1, "name": "]\""}]})"),
      "1 ]\"");
}

TEST(CocoAnnotations, AreRefusedWhenBroken) {
  struct Case {
    std::string json, message;
  };
  const std::string missing = "has no list \"categories\", expected annotations in COCO's format";
  const std::string cut = "is cut off: it ends within its JSON object";
  const std::string entry = " is not an object with a whole number \"id\" and a text \"name\"";
  const std::vector<Case> cases{
      {"", missing},
      {"{", cut},
      {R"({"categories": [{"id": 1, "name": "}]}", "a)", cut},
      {"[]", missing},
      {"3", missing},
      {"{}", missing},
      {R"([{"categories": [{"id": 1, "name": "a"}]}])", missing},
      {R"({"categories": [}, {]})", "\"categories\" is not JSON: its byte 2 is not what should stand there"},
      {R"({"categories_": [], "Categories": [], "categorie": [], "x": "categories"})", missing},
      {R"({"categories": 3})", "\"categories\" is no list"},
      {R"({"categories": {"id": 1}})", "\"categories\" is no list"},
      {R"({"categories": "x"})", "\"categories\" is no list"},
      {R"({"categories": null})", "\"categories\" is no list"},
      {R"({"categories": [1]})", "category number 1" + entry},
      {R"({"categories": ["a"]})", "category number 1" + entry},
      {R"({"categories": [[]]})", "category number 1" + entry},
      {R"({"categories": [{"id": 1, "name": "a"}, {}]})", "category number 2" + entry},
      {R"({"categories": [{"id": 1}]})", "category number 1" + entry},
      {R"({"categories": [{"name": "a"}]})", "category number 1" + entry},
      {R"({"categories": [{"id": "1", "name": "a"}]})", "category number 1" + entry},
      {R"({"categories": [{"id": 1.5, "name": "a"}]})", "category number 1" + entry},
      {R"({"categories": [{"id": 18446744073709551615, "name": "a"}]})", "category number 1" + entry},
      {R"({"categories": [{"id": 1, "name": ["a"]}]})", "category number 1" + entry},
      {R"({"categories": [{"id": 1, "name": {"name": "a"}}]})", "category number 1" + entry},
      {R"({"categories": [{"id": 1, "name": ")" + std::string(10001, 'a') + R"("}]})",
       "category number 1 has a name of 10001 bytes, expected at most 10000"},
      {R"({"categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b")", cut},
      {"{\"categories\": [{\"id\": 1, \"name\": \"\xff\"}]}",
       "\"categories\" is not JSON: its byte 21 is not what should stand there"},
      {std::string(200'000, '['), missing},
      {std::string(200'000, '{'), cut},
      {"{\"categories\": " + std::string(200'000, '[') + std::string(200'000, ']'),
       "\"categories\" is nested more than 32 deep"},
      {"{\"categories\": [\"" + std::string(std::size_t{9} << 20, 'a'),
       "\"categories\" has more than 8388608 bytes"},
  };
  for (const auto& [json, message] : cases)
    EXPECT_EQ(message_of([&] { categories_in(json); }), message) << json.substr(0, 100);
  std::string many = R"({"categories": [{"id": 1, "name": "a"})";
  for (int i = 0; i < 100'000; ++i) many += R"(,{"id": 1, "name": "a"})";
  EXPECT_EQ(message_of([&] { categories_in(many + "]}"); }), "has more than 100000 categories");
}

TEST(CocoAnnotations, AreReadFromAFileThatErrorsName) {
  std::string folder = (std::filesystem::temp_directory_path() / "etalon-coco-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const auto file = std::filesystem::path(folder) / "annotations.json";
  std::ofstream(file) << R"({"categories": [{"id": 4, "name": "d"}]})";
  ASSERT_EQ(read_coco_categories(file).size(), 1U);
  std::ofstream(file) << "{}";
  EXPECT_EQ(message_of([&] { read_coco_categories(file); }),
            "has no list \"categories\", expected annotations in COCO's format, in '" + file.string() + "'");
  std::filesystem::remove(file);
  EXPECT_EQ(message_of([&] { read_coco_categories(file); }),
            "there is no such file, in '" + file.string() + "'");
  std::filesystem::remove(folder);
}

}  // namespace
}  // namespace etalon
