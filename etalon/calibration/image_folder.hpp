// Calibration images from folders (`--cal_image_dir`).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "etalon/base/digest.hpp"
#include "etalon/calibration/calibration_images.hpp"
#include "etalon/images/preprocess.hpp"

namespace etalon {

// Files of the folder (not below it) whose ending is exactly jpg, jpeg or png, as TAO takes them, sorted by
// name so that a draw does not depend on the file system; none is no error here. Errors (kBadInput): the
// folder is missing, is none.
std::vector<std::filesystem::path> list_calibration_images(const std::filesystem::path& folder);

// As above, with endings in any case (JPG too), as TAO's inference takes them.
std::vector<std::filesystem::path> list_images(const std::filesystem::path& folder);

// `batches` x `batch_size` pictures drawn from all folders together, in the order of the folders, then of the
// names. Errors: those of list_calibration_images, (kBadInput) fewer pictures than that, (kWrongUsage) a
// folder named twice.
CalibrationImages images_from_folders(const std::vector<std::filesystem::path>& folders,
                                      std::uint64_t batches, std::uint64_t batch_size, std::uint64_t seed,
                                      const InputSize& size, const Preprocessing& how);

// Feeds the digest of a run with a picture's name and size.
void digest_picture_file(Digest& digest, const std::filesystem::path& path);

// Feeds the digest of a run with how its pictures are prepared.
void digest_preprocessing(Digest& digest, const InputSize& size, const Preprocessing& how);

// Reads, decodes and prepares one picture; its path is added to errors.
void load_calibration_image(const std::filesystem::path& path, int width, int height,
                            const Preprocessing& how, std::span<float> out);

}  // namespace etalon
