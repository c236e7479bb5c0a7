// Calibration images that stand inside of TFRecords, prepared as TAO's Mask R-CNN does: what a
// specification's training_file_pattern and validation_file_pattern name.
//
//   PaddedPreprocessing how;
//   how.height = 832, how.width = 1344;
//   const RecordImageSet set =
//       open_record_images("train*.tfrecord", "training_file_pattern", data_root, how);
//   const CalibrationImages images = images_from_records(set, 80, seed);
//
// A record is a tf.train.Example with `image/encoded`, a JPEG or PNG file; `image/source_id`, if there is
// one, is the image's id. What else it holds (boxes, masks) is not looked at. Numerics:
// images/padded_picture.hpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "etalon/calibration/calibration_images.hpp"
#include "etalon/images/padded_picture.hpp"

namespace etalon {

inline constexpr std::uint64_t kMostImageRecords = 10'000'000;  // 16 bytes of memory each; COCO has 118,287

struct RecordImageSet {
  struct Place {
    std::uint64_t offset;  // in the file
    std::uint32_t file;    // of `files`
    std::uint32_t number;  // in the file, from 0
  };
  std::string field;                         // how the specification calls the pattern
  std::vector<std::filesystem::path> files;  // sorted by name
  std::vector<Place> records;                // in the order of the files; not empty
  PaddedPreprocessing how;
  InputSize size;  // of what comes out
};

// Looks for the pattern's files below `data_root` (absolute ones stay) and where their records begin; reads
// nothing between. Errors: kBadInput: an empty pattern, one without match, files that are damaged or hold no
// record at all, sizes that cannot be; kUnsupported: more than kMostImageRecords.
RecordImageSet open_record_images(const std::string& pattern, const std::string& field,
                                  const std::filesystem::path& data_root, const PaddedPreprocessing& how);

// `count` records in an order that `seed` decides: all once before one comes again. More than there are: they
// repeat (the caller says so). Reads each record once, however often it comes, to know what it is: Error
// (kBadInput), file and record named: damaged, no tf.train.Example, no image/encoded. Whether the picture can
// be decoded shows when it is loaded.
CalibrationImages images_from_records(const RecordImageSet& set, std::uint64_t count, std::uint64_t seed);

}  // namespace etalon
