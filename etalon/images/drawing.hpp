// Boxes and short texts drawn on an RGB picture.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "etalon/images/image.hpp"

namespace etalon {

using Colour = std::array<std::uint8_t, 3>;

// All clip at the picture's border; `image` is kRgb. Coordinates are pixels, (0, 0) the upper left; right and bottom
// are the first pixels outside. The line of a box lies inside it.
void draw_box(Image& image, int left, int top, int right, int bottom, int line_width, const Colour& colour);
void draw_filled(Image& image, int left, int top, int right, int bottom, const Colour& colour);
// ASCII in a built-in 5x7 font, each dot `dot` pixels wide; other characters show as a box. Returns the width drawn.
int draw_text(Image& image, int left, int top, std::string_view text, int dot, const Colour& colour);
int text_width(std::string_view text, int dot);
// A distinct colour a class, the same for the same index.
Colour class_colour(std::size_t class_index);

// The pixels of the rectangle at (left, top), `width` wide, whose byte in `covered` (row-major) is not 0 become
// 2/5 colour and 3/5 what they were. Error (kInternal): `covered` is no whole number of rows.
void draw_translucent(Image& image, int left, int top, int width, std::span<const std::uint8_t> covered,
                      const Colour& colour);

// The pictures next to each other, top-aligned, `gap` white pixels between them.
Image side_by_side(const Image& left, const Image& right, int gap);

}  // namespace etalon
