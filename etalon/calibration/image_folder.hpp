// Calibration images from a folder (`--cal_image_dir`).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "etalon/images/preprocess.hpp"

namespace etalon {

// Files of the folder (not below it) whose ending is exactly jpg, jpeg or png, as TAO takes them, sorted by name so
// that a draw does not depend on the file system; none is no error here. Errors (kBadInput): the folder is missing, is none.
std::vector<std::filesystem::path> list_calibration_images(const std::filesystem::path& folder);

// `count` different numbers below `available`, drawn with `seed` by an algorithm of our own that is the same everywhere
// (image_folder.cpp), in the order drawn. For one seed a smaller draw is the beginning of a larger one.
// Precondition: count <= available; the caller says what is missing.
std::vector<std::size_t> draw_without_replacement(std::size_t available, std::size_t count, std::uint64_t seed);

// Reads, decodes and prepares one picture; its path is added to errors.
void load_calibration_image(const std::filesystem::path& path, int width, int height, const Preprocessing& how, std::span<float> out);

}  // namespace etalon
