// JPEG by libjpeg-turbo, with smooth chroma upsampling.
#pragma once

#include "etalon/images/image.hpp"

namespace etalon {

// As stored: one channel becomes kGrey, three kRgb, four kCmyk (inverted: Adobe's files hold 255 - ink, and
// like Pillow we take every four-channel JPEG for Adobe's). As grey or RGB: libjpeg's conversions; four inks
// become RGB by TensorFlow's integers, which look at Adobe's mark. Errors as decode_image.
Image decode_jpeg(ByteView bytes, const Decoding& how);

}  // namespace etalon
