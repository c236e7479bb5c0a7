// The categories of an annotation file in COCO's format (JSON).
//
//   {"images": [...], "annotations": [...], "categories": [{"id": 1, "name": "person"}, ...]}
#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <string>
#include <vector>

namespace etalon {

struct CocoCategory {
  std::int64_t id = 0;
  std::string name;
};

// In the order of the file. The file is streamed (COCO's own has 450 MB) up to the end of its categories;
// what else is in it is passed over and not checked. At most 100000. Errors (kBadInput), the file named: no
// object, cut off, no list "categories" in it, an entry without a whole number "id" and a text "name".
std::vector<CocoCategory> read_coco_categories(const std::filesystem::path& path);
std::vector<CocoCategory> parse_coco_categories(std::istream& json);

}  // namespace etalon
