// The images of one calibration run: how many, in which order, and how each becomes the numbers of the
// network's input. Made by the three sources: image_folder, tensorfile_images, data_loader.
//
//   const CalibrationImages images = images_from_folders({"images"}, 10, 8, 42, size, preprocessing);
//   images.load(0, input);
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace etalon {

// Of the network's input, one image.
struct InputSize {
  int channels = 3, height = 0, width = 0;
  std::size_t numbers() const {
    return static_cast<std::size_t>(channels) * static_cast<std::size_t>(height) *
           static_cast<std::size_t>(width);
  }
};

// The same image with its channels last, and back.
void chw_to_hwc(std::span<const float> chw, int channels, std::span<float> hwc);
void hwc_to_chw(std::span<const float> hwc, int channels, std::span<float> chw);

struct CalibrationImages {
  std::string source;              // for people: "40 of the 64 images in 'images', drawn with seed 42"
  std::vector<std::string> names;  // of each image, in the order drawn: a path, or the place in a tensorfile
  std::vector<std::string> ids;    // what a file records of each: its path below the source's folder
  bool names_are_paths = false;
  std::vector<std::filesystem::path>
      other_files;  // what is read besides: no output of the run may replace one
  // A digest of the images in their order, by content or by name and size, and of their preparation. May read
  // a whole tensorfile: only asked for where statistics are kept.
  std::function<std::string()> identity;
  // May be empty; tells that images from `first` on will be asked for. Before threads and networks are made.
  std::function<void(std::size_t first)> begin;
  std::function<void(std::size_t index, const std::string& name, std::span<float> out)> fill;  // see load

  std::size_t count() const { return names.size(); }
  // Fills the numbers of image `index`, 0 .. count()-1. Called from several threads at a time; asked for
  // nearly in order it holds little in memory. Errors name the image.
  void load(std::size_t index, std::span<float> out) const { fill(index, names.at(index), out); }
};

}  // namespace etalon
