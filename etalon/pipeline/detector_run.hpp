// A detector over photos, and the files that tell what it found: what the inference of every network shares.
//
//   const DetectorFiles files = plan_detector_files({.input = "photos", .output = "out"});
//   Detector detector = ...;  // the network's own
//   run_detector(detector, files, 0, log, progress);
//
//   out/images_annotated/NAME.png   the photo with what was found drawn on it
//   out/labels/NAME.txt             KITTI, for networks without masks
//   out/detections.json             everything; the last file to appear
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "etalon/base/file.hpp"
#include "etalon/base/log.hpp"
#include "etalon/detections/mask_rcnn.hpp"
#include "etalon/images/drawing.hpp"
#include "etalon/images/image.hpp"
#include "etalon/onnx/model.hpp"
#include "etalon/runtime/tensor.hpp"

namespace etalon {

struct DetectorPaths {
  std::filesystem::path input;                          // a photo, or a folder of them (jpg, jpeg, png)
  std::filesystem::path output;                         // folder
  std::vector<std::filesystem::path> inputs_besides{};  // model, specification: never written over
  bool draw = true, kitti = true;                       // which of the files a photo are wanted
  bool force = false;                                   // replace what is there
};

struct DetectorFiles {
  struct Photo {
    std::filesystem::path path;
    std::filesystem::path picture, labels;  // empty: not wanted
  };
  std::vector<Photo> photos;
  std::filesystem::path document;
  std::vector<std::filesystem::path> protected_inputs;
  IfExists if_exists = IfExists::kRefuse;
};

// Photos that share a name but for their ending keep the ending in their files' names; no two photos have the
// same files. Errors: (kBadInput)
// the input does not exist or has no photo, an output exists and may not be replaced; (kWrongUsage) the
// pictures would land among the photos; others of OutputFiles::reserve.
DetectorFiles plan_detector_files(const DetectorPaths& paths);

// One network, ready to look at photos.
struct Detector {
  std::string network;
  ModelProto model;
  Decoding decoding{};                // how photos are decoded
  std::vector<std::string> labels{};  // by class
  std::vector<std::string> names{};   // what is written and drawn instead, by class; may be empty
  std::vector<Colour> colours{};      // by class; beyond the list: class_colour
  std::optional<int> line_width{};
  bool has_masks = false;
  // Fills the input with a photo (kRgb).
  std::function<void(const Image& photo, std::span<float> input)> prepare{};
  // What the outputs say of a photo of this size, in its pixels. Both are called from several threads.
  std::function<std::vector<MaskedDetection>(const Outputs&, int width, int height)> find{};
};

struct DetectorResult {
  std::uint64_t photo_count = 0;
  std::map<std::string, std::uint64_t> found;  // by name
  std::filesystem::path document;
  std::vector<std::filesystem::path> written;  // folders and the document
};

// Each photo's files appear when it is done, in the order of the photos, each file whole; memory does not
// grow with their number. Of several photos one that cannot be read or decoded is left out: a warning and an
// "error" in the document name it, and when everything is written an Error counts such photos. Other errors:
// of the model; the only photo cannot be read; outputs that are no numbers (the photo is named).
DetectorResult run_detector(const Detector& detector, const DetectorFiles& files, int threads, Log& log,
                            Progress& progress);

// Of the model's only input. Error (kBadInput): not one image input of fixed size, channels first.
struct ImageInput {
  int channels = 3, height = 0, width = 0;
};
ImageInput image_input_of(const ModelProto& model);

// Names, one a line; blanks around them and empty lines at the end do not count. Error (kBadInput): none.
std::vector<std::string> read_label_lines(const std::filesystem::path& path);

}  // namespace etalon
