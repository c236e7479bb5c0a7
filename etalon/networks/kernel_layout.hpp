// From TensorFlow's kernel order, which Keras shares, to ONNX's.
#pragma once

#include <cstdint>
#include <string>

#include "etalon/base/bytes.hpp"

namespace etalon {

// [spatial][second][first] -> [first][second][spatial], float32 numbers as bytes, wherever they lie: `floats`
// need not be aligned and has spatial * second * first numbers.
//   convolution             (h, w, in, out)   -> (out, in, h, w)
//   transposed convolution  (h, w, out, in)   -> (in, out, h, w)
//   dense                   (in, out)         -> (out, in)           spatial = 1
//   depthwise               (h, w, in * mult) -> (in * mult, 1, h, w)  second = 1
std::string reversed_kernel(ByteView floats, std::int64_t spatial, std::int64_t second, std::int64_t first);

}  // namespace etalon
