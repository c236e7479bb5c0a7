// Boxes as the lines of a KITTI label file.
#pragma once

#include <string>
#include <string_view>

#include "etalon/detections/detection.hpp"

namespace etalon {

// `name truncated occluded alpha left top right bottom h w l x y z ry score` and a line feed, with the zeros
// and the three decimals that TAO's inference writes. Blanks and what does not print in a name become '_',
// for a blank ends the name.
//
//   kitti_line("car", box)
//     -> car 0.00 0 0.00 1.000 2.000 3.000 4.000 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.900
std::string kitti_line(std::string_view name, const Detection& box);

}  // namespace etalon
