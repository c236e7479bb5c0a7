// From a picture to the numbers that a network's input expects.
#pragma once

#include <span>
#include <vector>

#include "etalon/images/image.hpp"

namespace etalon {

enum class ChannelOrder { kRgb, kBgr, kGrey };
enum class Layout { kNchw, kNhwc };

// value = (pixel - mean[channel]) * scale, pixel 0 .. 255, mean in `order`.
struct Preprocessing {
  ChannelOrder order = ChannelOrder::kRgb;
  std::array<double, 3> mean{0.0, 0.0, 0.0};  // grey: only the first
  double scale = 1.0 / 255.0;
  Layout layout = Layout::kNchw;

  // Smallest and largest number it can make.
  double lowest() const;
  double highest() const;
};

// TAO's preparation of a calibration image (`--cal_image_dir`): resize with LANCZOS in the file's own mode, without
// regard to the aspect ratio, then RGB (or grey), then the arithmetic in TAO's order of roundings: the mean is taken
// away in double and rounded to float32, the product with float32(scale) is float32. `out` has channels * height *
// width places: CHW for kNchw, HWC for kNhwc.
void prepare_calibration_image(const Image& image, int width, int height, const Preprocessing& how, std::span<float> out);

}  // namespace etalon
