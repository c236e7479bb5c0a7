#include "etalon/pipeline/trained_model.hpp"

#include <fmt/format.h>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/formats/etlt/etlt.hpp"
#include "etalon/formats/statistics_file/statistics_file.hpp"
#include "etalon/formats/tensorfile/tensorfile_reader.hpp"
#include "etalon/formats/tfrecord/tfrecord.hpp"
#include "etalon/onnx/model.hpp"
#include "etalon/workers/codec.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHeadBytes = 4096;

bool looks_like_zip(ByteView head) { return as_text(head).starts_with("PK\x03\x04"); }

// Nothing but text that a person could have written: no control characters but white space.
bool looks_like_text(ByteView head) {
  for (const std::byte b : head) {
    const auto c = std::to_integer<unsigned>(b);
    if (c == 0x7f || (c < 0x20 && c != '\t' && c != '\n' && c != '\r')) return false;
  }
  return !head.empty();
}

KerasModel read_encrypted(const fs::path& path, std::string_view key) {
  if (key.empty())
    throw Error(Kind::kWrongUsage, "the model is encrypted and no key was given",
                "give the key it was trained with: --key KEY");
  const auto codec = find_codec();
  if (!codec) throw_no_codec("to read an encrypted model");
  const Bytes plain = decrypt(*codec, read_file(path), key);
  if (looks_like_hdf5(plain)) return read_keras_hdf5(plain);
  if (looks_like_zip(plain))
    throw Error(Kind::kUnsupported, "this is an encrypted Mask R-CNN checkpoint, expected a Keras model",
                "Mask R-CNN export is not there yet");
  throw Error(Kind::kBadInput, "the key does not open the model: what it decrypts to is no Keras model",
              "give the key it was trained with: --key KEY");
}

}  // namespace

FileKind kind_of_file(const fs::path& path) {
  const Bytes head = read_file_head(path, kHeadBytes);
  if (looks_like_hdf5(head))
    return looks_like_tensorfile(path) ? FileKind::kTensorfile : FileKind::kKerasHdf5;
  if (looks_like_zip(head)) return FileKind::kZip;
  if (looks_like_statistics(head)) return FileKind::kStatistics;
  if (looks_like_tfrecord(head)) return FileKind::kTfRecord;
  // Encrypted bytes look like anything now and then, so these endings come before the weaker signatures.
  if (path.extension() == ".etlt") return FileKind::kEtlt;
  if (path.extension() == ".tlt") return FileKind::kEncryptedOrUnknown;
  if (looks_like_calibration_cache(head)) return FileKind::kCalibrationCache;
  if (looks_like_onnx(head)) return FileKind::kOnnx;
  if (looks_like_text(head)) return FileKind::kSpec;
  return FileKind::kEncryptedOrUnknown;
}

KerasModel read_trained_model(const fs::path& path, std::string_view key) {
  check_is_data_file(path);
  return within(
      [&] { return fmt::format("'{}'", escaped(path.string())); },
      [&]() -> KerasModel {
        switch (kind_of_file(path)) {
          case FileKind::kKerasHdf5:
            return read_keras_hdf5(path);
          case FileKind::kZip:
            throw Error(Kind::kUnsupported,
                        "this is a ZIP, as Mask R-CNN's checkpoints are; expected a Keras model",
                        "Mask R-CNN export is not there yet");
          case FileKind::kTensorfile:
            throw Error(Kind::kBadInput, "this is a calibration tensorfile, expected a trained Keras model",
                        "give it with --cal_data_file");
          case FileKind::kOnnx:
            throw Error(Kind::kUnsupported, "this is an ONNX model already, expected a trained Keras model",
                        "give the .hdf5 or .tlt that training wrote");
          case FileKind::kEtlt:
            throw Error(Kind::kUnsupported, "this is an exported model (.etlt), expected a trained one",
                        "give the .hdf5 or .tlt that training wrote");
          case FileKind::kEncryptedOrUnknown:
            // An encrypted file has no signature; TAO knows it by its ending, and so the error for junk stays
            // a clear one.
            if (path.extension() == ".tlt" || !path.has_extension()) return read_encrypted(path, key);
            [[fallthrough]];
          default:
            throw Error(Kind::kBadInput, "this is no Keras model (HDF5)",
                        "expected the .hdf5 or .tlt that training wrote");
        }
      });
}

}  // namespace etalon
