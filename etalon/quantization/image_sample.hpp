// Some of the calibration images, for measurements that do not need all.
#pragma once

#include <cstddef>
#include <vector>

#include "etalon/calibration/calibration_images.hpp"

namespace etalon {

// Indices, rising, at most `most` (at least one) of them: evenly spread where each image has a file of its
// own; of a stream the first, for there a batch is kept until each of its images was taken.
// Errors: kBadInput (there is no image), kInternal (most is 0).
std::vector<std::size_t> image_sample(const CalibrationImages& images, std::size_t most);

}  // namespace etalon
