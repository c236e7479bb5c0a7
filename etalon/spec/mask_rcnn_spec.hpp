// Mask R-CNN's experiment specification (protobuf text).
//
// TAO lays the specification over its built-in values with proto3's defaults in it, so that a field that is
// absent becomes 0 or empty there, which cannot work: no boxes at all from `test_nms` 0, no level from
// `max_level` 0. Here a field of the network that is absent has TAO's built-in value, with a warning; one
// that is written has what is written, 0 too. Without a built-in value are image_size, num_classes and
// nlayers.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "etalon/spec/finding.hpp"
#include "etalon/spec/mask_rcnn.pb.h"
#include "etalon/spec/text_outline.hpp"

namespace etalon {

struct MaskRcnnSpec {
  mask_rcnn::Experiment experiment;  // built-in values in it
  std::vector<Finding> findings;     // unknown fields, and fields that have the built-in value
  TextOutline outline;
};

// Errors (kBadInput): as parse_detectnet_v2_spec. The caller of parse adds the file's name.
MaskRcnnSpec parse_mask_rcnn_spec(std::string_view text);
MaskRcnnSpec read_mask_rcnn_spec(const std::filesystem::path& path);

// The texts that are Python literals. Errors (kBadInput), without the field's name: see python_literal.hpp,
// and another shape than the one that is said.
struct ImageSize {
  std::int64_t height = 0, width = 0;  // 1 to kLargestImageSide
};
constexpr std::int64_t kLargestImageSide = 16384;
ImageSize parse_image_size(std::string_view text);  // "(832, 1344)", height first
// "[(1.0, 1.0), (1.4, 0.7)]": width and height, positive, 0.001 to 1000; 1 to kMostAspectRatios.
constexpr std::size_t kMostAspectRatios = 32;
std::vector<std::array<double, 2>> parse_aspect_ratios(std::string_view text);
std::array<double, 4> parse_box_weights(std::string_view text);  // "(10., 10., 5., 5.)", 0.001 to 1000

}  // namespace etalon
