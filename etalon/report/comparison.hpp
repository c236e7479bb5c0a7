// Detections shown on the photo that they were found in.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "etalon/detections/detectnet_v2.hpp"
#include "etalon/images/image.hpp"

namespace etalon {

// The photo (kRgb, any size) below a bar with `title` and a legend of the classes and how many were found of
// each. Boxes are in pixels of the network's input and are drawn in the photo's, with label and confidence.
Image detection_picture(const Image& photo_rgb, int input_width, int input_height,
                        std::span<const Detection> detections, std::span<const std::string> labels,
                        std::string_view title);

// Two such pictures of one photo next to each other.
Image comparison_picture(const Image& left, const Image& right);

}  // namespace etalon
