// Numbers out of a file, widened or narrowed to float32.
#pragma once

#include <cstdint>
#include <vector>

namespace etalon {

struct FloatArray {
  std::vector<std::int64_t> shape;  // empty for a scalar
  std::vector<float> values;        // row-major
};

}  // namespace etalon
