// Inside formats/keras_hdf5: what stands in the HDF5 file, before anything is made of it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "etalon/base/bytes.hpp"
#include "etalon/formats/keras_hdf5/keras_model.hpp"

namespace etalon {

struct SavedLayer {
  std::string name;
  std::vector<KerasWeight> weights;
};

struct SavedFile {
  std::string model_config;  // JSON
  std::string keras_version, backend;
  std::vector<SavedLayer> layers;  // as `layer_names` lists them
};

SavedFile read_saved_file(const std::filesystem::path& path);
SavedFile read_saved_file(ByteView bytes);

// The other half of the reading: `model_config` parsed and checked, and the weights given to its layers. By itself for
// fuzz/keras_hdf5_fuzz.cpp, which sees nothing of what happens in the file's own process.
KerasModel model_from(SavedFile file);

}  // namespace etalon
