// Pillow's resize, bit for bit.
#pragma once

#include "etalon/images/image.hpp"

namespace etalon {

// `Image.resize((width, height), LANCZOS)` on the picture's own mode: kBilevel and kPalette are resized
// NEAREST whatever is asked, pictures with alpha are premultiplied, resized and converted back, the others go
// channel by channel through two passes (horizontal first) of 8-bit fixed-point filtering. The size it has
// already: a copy. The algorithm and its constants: resize.cpp. Width and height 1 .. 65535, at most 2^28
// pixels.
//
// "Pillow" is the one that TAO runs (older than 9) and its successors up to 12.0. Pillow 13 starts with the
// vertical pass where the height shrinks more than the width, which moves some bytes by one; equal ratios are
// not affected.
Image resize_lanczos(const Image& image, int width, int height);

// `Image.convert("RGB")` and `Image.convert("L")`: alpha dropped without a matte, palettes looked up (to grey
// as the Pillow that TAO runs cuts it off, a level below later ones for some colours; indices beyond the
// palette are black, as in Pillow 12 and later).
Image to_rgb(const Image& image);
Image to_grey(const Image& image);

}  // namespace etalon
