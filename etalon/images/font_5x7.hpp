// Dots of the printable ASCII characters, for captions in pictures.
#pragma once

#include <array>
#include <cstdint>

namespace etalon {

constexpr int kGlyphColumns = 5, kGlyphRows = 7;

// Rows top to bottom; bit 4 is the leftmost dot.
using Glyph = std::array<std::uint8_t, kGlyphRows>;

// Characters outside ' ' .. '~' show as a box.
const Glyph& glyph_of(char character);

}  // namespace etalon
