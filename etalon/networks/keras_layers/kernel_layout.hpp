// From Keras' kernel order to ONNX's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace etalon {

// [spatial][second][first] -> [first][second][spatial], as the bytes of float32 numbers.
//   convolution             (h, w, in, out)   -> (out, in, h, w)
//   transposed convolution  (h, w, out, in)   -> (in, out, h, w)
//   dense                   (in, out)         -> (out, in)           spatial = 1
//   depthwise               (h, w, in * mult) -> (in * mult, 1, h, w)  second = 1
std::string reversed_kernel(const std::vector<float>& values, std::int64_t spatial, std::int64_t second,
                            std::int64_t first);

}  // namespace etalon
