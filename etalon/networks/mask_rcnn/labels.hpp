// The names of Mask R-CNN's classes, from the annotations that the network was evaluated with.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "etalon/formats/coco_annotations/coco_annotations.hpp"
#include "etalon/spec/mask_rcnn_spec.hpp"

namespace etalon {

struct MaskRcnnLabels {
  std::vector<std::string> names;     // one a class: "BG" first; empty: not known
  std::vector<std::string> warnings;  // lines for the user
};

// A class's number is its category's id. An id that no category has becomes "class_12"; TAO writes the names
// one after the other instead, so that behind a gap each class has another's name.
MaskRcnnLabels labels_of(std::span<const CocoCategory> categories, std::int64_t class_count);

// From data_config.val_json_file; a relative path is relative to the working directory, as in TAO. No path or
// no file: no names, and a warning. Errors as read_coco_categories.
MaskRcnnLabels read_labels(const MaskRcnnSpec& spec);

}  // namespace etalon
