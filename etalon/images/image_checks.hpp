// What every function of this room asks of a picture's size before it allocates, and of a picture before it reads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "etalon/images/image.hpp"

namespace etalon {

// 2^28 pixels are a gigabyte of RGBA: more than any camera, little enough not to bring a machine down.
constexpr std::uint64_t kMostPixels = std::uint64_t{1} << 28;
constexpr std::uint64_t kLongestSide = (1U << 16) - 1;

// Error(kBadInput) unless both sides are 1 .. kLongestSide and the product is at most kMostPixels.
void check_image_size(std::uint64_t width, std::uint64_t height);

// Error(kInternal) if the pixels do not fill the picture: a mistake of the caller, never of a file.
void check_image_is_whole(const Image& image);

inline std::size_t row_size_bytes(const Image& image) {
  return static_cast<std::size_t>(image.width) * static_cast<std::size_t>(channel_count(image.mode));
}

}  // namespace etalon
