// A trained model from whatever container TAO put it into.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "etalon/formats/keras_hdf5/keras_model.hpp"
#include "etalon/formats/tf_checkpoint/tf_checkpoint.hpp"

namespace etalon {

// What a file is, by its content; names and endings only help to word an error.
enum class FileKind {
  kKerasHdf5,
  kTensorfile,
  kTfRecord,
  kStatistics,
  kCheckpointZip,
  kBareCheckpoint,  // a folder that holds one, or the .index of one
  kOnnx,
  kCalibrationCache,
  kEtlt,
  kEngine,
  kEncryptedOrUnknown,
  kSpec
};
FileKind kind_of_file(const std::filesystem::path& path);

// Reads `.hdf5` (plain) and `.tlt` (encrypted, through NVIDIA's codec, or plain). A file without an ending is
// known by its content. Errors name the file: see keras_model.hpp and codec.hpp; besides, an encrypted model
// without a key (kWrongUsage), with a wrong key (kBadInput: the codec cannot tell, what comes out is looked
// at), and the containers of other networks (kUnsupported).
KerasModel read_trained_model(const std::filesystem::path& path, std::string_view key);

// The same for a TensorFlow checkpoint: a ZIP, plain or encrypted, a folder that holds one, or
// its .index. Errors as
// read_trained_model and read_tf_checkpoint, with the file named.
TfCheckpoint read_trained_checkpoint(const std::filesystem::path& path, std::string_view key);

}  // namespace etalon
