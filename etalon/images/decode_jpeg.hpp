// JPEG by libjpeg-turbo, with its defaults: accurate integer DCT, smooth chroma upsampling.
#pragma once

#include "etalon/images/image.hpp"

namespace etalon {

// One channel becomes kGrey, three kRgb, four kCmyk (inverted: Adobe's files hold 255 - ink, and like Pillow we take
// every four-channel JPEG for Adobe's). Errors as decode_image.
Image decode_jpeg(ByteView bytes);

}  // namespace etalon
