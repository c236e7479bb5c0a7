// The calibration images of TAO's DetectNet_v2 data loader: TFRecords and picture folders that an experiment
// specification names, prepared as training prepares them, without augmentation.
//
//   const LoaderSet set = open_data_loader(spec.experiment, LoaderSplit::kTraining, data_root);
//   const CalibrationImages images = images_from_loader(set, 80, seed);
//
// Files are looked for as TAO does: relative paths below `data_root` (DATA_BASE_PATH), tfrecords_path a
// pattern for glob, pictures at image_directory_path/<frame/id>.<image_extension>. Numerics:
// images/loader_picture.hpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "etalon/calibration/calibration_images.hpp"
#include "etalon/images/loader_picture.hpp"
#include "etalon/spec/detectnet_v2.pb.h"

namespace etalon {

enum class LoaderSplit { kTraining, kValidation };

struct LoaderFrame {
  std::string id;             // frame/id: the picture's path below the source's folder, without its ending
  int width = 0, height = 0;  // as the record says
};

struct LoaderSource {
  std::filesystem::path picture_folder;
  std::vector<LoaderFrame>
      frames;  // in the order of the files (sorted by name) and of their records; not empty
};

struct LoaderSet {
  LoaderPreprocessing how;
  std::string extension;  // of the pictures, without a dot
  InputSize size;         // of what comes out
  LoaderSplit split = LoaderSplit::kTraining;
  bool uniform = false;  // every source is equally likely, however large it is
  std::vector<LoaderSource> sources;
  std::vector<std::string> without_frames;          // tfrecords_path of sources that hold none for this split
  std::vector<std::filesystem::path> record_files;  // all that the sources' patterns match, of any fold
  std::uint64_t frame_count() const;
};

// Reads every record (both CRCs checked), no pictures. Errors (kBadInput): a pattern that matches nothing,
// records that are damaged or hold no frame, a picture folder that does not exist, no frame at all in this
// split (with its reason), a size or a number of channels that no loader makes; kUnsupported:
// output_image_min, whose pictures differ in size.
LoaderSet open_data_loader(const detectnet_v2::Experiment& experiment, LoaderSplit split,
                           const std::filesystem::path& data_root);

// `count` frames in an order that `seed` decides. Training: sources are shuffled and mixed, all frames once
// before one comes again; with equal likelihood each source begins anew on its own. Validation: each source
// in its order, sources mixed by their sizes. More than there are: they repeat (the caller says so).
CalibrationImages images_from_loader(const LoaderSet& set, std::uint64_t count, std::uint64_t seed);

}  // namespace etalon
