// A trained model from whatever container TAO put it into.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "etalon/formats/keras_hdf5/keras_model.hpp"

namespace etalon {

// What a file is, by its content; names and endings only help to word an error.
enum class FileKind {
  kKerasHdf5,
  kTensorfile,
  kTfRecord,
  kStatistics,
  kZip,
  kOnnx,
  kCalibrationCache,
  kEtlt,
  kEncryptedOrUnknown,
  kSpec
};
FileKind kind_of_file(const std::filesystem::path& path);

// Reads `.hdf5` (plain) and `.tlt` (encrypted, through NVIDIA's codec, or plain). A file without an ending is
// known by its content. Errors name the file: see keras_model.hpp and codec.hpp; besides, an encrypted model
// without a key (kWrongUsage), with a wrong key (kBadInput: the codec cannot tell, what comes out is looked
// at), and the containers of other networks (kUnsupported).
KerasModel read_trained_model(const std::filesystem::path& path, std::string_view key);

}  // namespace etalon
