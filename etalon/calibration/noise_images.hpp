// Random numbers in place of images (`--cal_random`): to measure how fast something runs, never to deploy.
#pragma once

#include <cstdint>

#include "etalon/calibration/calibration_images.hpp"
#include "etalon/images/preprocess.hpp"

namespace etalon {

// `count` images of uniform noise between the lowest and the highest number that `how` can give; image i of a
// seed is always the same.
CalibrationImages noise_images(std::uint64_t count, std::uint64_t seed, const InputSize& size,
                               const Preprocessing& how);

}  // namespace etalon
