// One object that a network found in a picture.
#pragma once

#include <cstddef>

namespace etalon {

struct Detection {
  std::size_t class_index = 0;
  double left = 0, top = 0, right = 0, bottom = 0;  // pixels, clipped to the picture
  double confidence = 0;
};

}  // namespace etalon
