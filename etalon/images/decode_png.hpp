// PNG by libpng. Gamma, colour profiles and transparent colours (tRNS) are left alone, as Pillow leaves them,
// and TensorFlow too, but where it makes grey of colours.
#pragma once

#include "etalon/images/image.hpp"

namespace etalon {

// As stored, the mode is the one that Pillow gives the file, but for 16 bits a channel: those become 8 bits
// (v / 257, rounded) and keep their channels. As grey or RGB, the transformations that TensorFlow asks of
// libpng: the high byte of 16 bits, no alpha, palettes looked up, grey replicated, and colours to grey by
// png_set_rgb_to_gray with 0.299 and 0.587, in linear light if the file has a gamma. Grey of 1, 2 and 4 bits
// is stretched to 0 .. 255. Errors as decode_image.
Image decode_png(ByteView bytes, const Decoding& how);

}  // namespace etalon
