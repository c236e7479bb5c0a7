// PNG by libpng. Gamma, colour profiles and transparent colours (tRNS) are left alone, as Pillow leaves them.
#pragma once

#include "etalon/images/image.hpp"

namespace etalon {

// The mode is the one that Pillow gives the file, but for 16 bits a channel: those become 8 bits (v / 257, rounded)
// and keep their channels. Grey of 2 and 4 bits is stretched to 0 .. 255. Errors as decode_image.
Image decode_png(ByteView bytes);

}  // namespace etalon
