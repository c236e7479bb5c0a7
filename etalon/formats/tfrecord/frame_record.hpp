// The frame that one record of TAO's DetectNet_v2 describes, as its `dataset_convert` writes it from KITTI
// labels.
//
//   const FrameRecord frame = frame_record(parse_tf_example(record));   // {"images/000001", 320, 240}
//
// The image lies at image_directory_path / id + "." + image_extension.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "etalon/formats/tfrecord/tfrecord.hpp"

namespace etalon {

struct FrameRecord {
  std::string id;              // path without its ending; not empty, no zero byte
  std::int64_t width, height;  // pixels, 1 to kMostFramePixels
};

// As far as an image's side reaches in JPEG (16 bits).
inline constexpr std::int64_t kMostFramePixels = 65535;

// From frame/id, frame/width and frame/height. Errors (kBadInput) name the feature: missing, of another kind,
// not exactly one value, an empty id, a size out of its range.
FrameRecord frame_record(const std::map<std::string, TfFeature>& features);

// How many objects of each class stand in target/object_class. None if the feature is missing; Error
// (kBadInput) if it holds something other than texts.
std::map<std::string, std::uint64_t> count_objects(const std::map<std::string, TfFeature>& features);

}  // namespace etalon
