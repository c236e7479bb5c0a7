// Inside images/: where the pixels of a bilinear sampling look, along one axis. Worked out once an axis, so
// that loops over pixels have no branches.
//
//   const BilinearAxis x = tf1_bilinear_axis(256, 301);
//   value = row[x.first[i]] + (row[x.second[i]] - row[x.first[i]]) * x.second_weight[i];
#pragma once

#include <cstdint>
#include <vector>

namespace etalon {

struct BilinearAxis {
  std::vector<std::uint32_t> first, second;  // source pixels of each output pixel
  std::vector<float> second_weight;
  bool is_copy = true;  // every second weight is 0
};

// TensorFlow 1's ResizeBilinear with align_corners and half_pixel_centers off: source = i * in / out in
// float32, no shift by half a pixel, no antialiasing, the last pixel repeated. `out` and `in` >= 1.
BilinearAxis tf1_bilinear_axis(int out, int in);

}  // namespace etalon
