#include "etalon/pipeline/trained_model.hpp"

#include <fmt/format.h>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/engine/engine_kind.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/formats/etlt/etlt.hpp"
#include "etalon/formats/statistics_file/statistics_file.hpp"
#include "etalon/formats/tensorfile/tensorfile_reader.hpp"
#include "etalon/formats/tfrecord/tfrecord.hpp"
#include "etalon/formats/zip_archive/zip_archive.hpp"
#include "etalon/onnx/model.hpp"
#include "etalon/pipeline/encrypted_content.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHeadBytes = 4096;

// Nothing but text that a person could have written: no control characters but white space.
bool looks_like_text(ByteView head) {
  for (const std::byte b : head) {
    const auto c = std::to_integer<unsigned>(b);
    if (c == 0x7f || (c < 0x20 && c != '\t' && c != '\n' && c != '\r')) return false;
  }
  return !head.empty();
}

// An encrypted file has no signature; TAO knows it by its ending.
bool may_be_encrypted(const fs::path& path) { return path.extension() == ".tlt" || !path.has_extension(); }

[[noreturn]] void refuse_key(std::string_view expected) {
  throw Error(Kind::kBadInput,
              fmt::format("the key does not open the model: what it decrypts to is no {}", expected),
              "give the key it was trained with: --key KEY");
}

constexpr std::string_view kKerasModel = "Keras model", kCheckpoint = "Mask R-CNN checkpoint";
constexpr const char* kMaskRcnnTakesIt = "etalon mask_rcnn export takes it";
constexpr const char* kDetectnetV2TakesIt = "etalon detectnet_v2 export takes it";

KerasModel read_encrypted(const fs::path& path, std::string_view key) {
  const Bytes plain = decrypt_with_key(read_file(path), key);
  if (looks_like_hdf5(plain)) return read_keras_hdf5(plain);
  if (looks_like_zip(plain))
    throw Error(Kind::kBadInput, "this is an encrypted Mask R-CNN checkpoint, expected a Keras model",
                kMaskRcnnTakesIt);
  refuse_key(kKerasModel);
}

TfCheckpoint read_encrypted_checkpoint(const fs::path& path, std::string_view key) {
  Bytes plain = decrypt_with_key(read_file(path), key);
  if (looks_like_zip(plain)) return read_tf_checkpoint(std::move(plain));
  if (looks_like_hdf5(plain))
    throw Error(Kind::kBadInput, "this is an encrypted Keras model, expected a Mask R-CNN checkpoint",
                kDetectnetV2TakesIt);
  refuse_key(kCheckpoint);
}

// Why a file of this kind is no trained model of any network.
[[noreturn]] void refuse_kind(FileKind kind, std::string_view expected) {
  switch (kind) {
    case FileKind::kTensorfile:
      throw Error(Kind::kBadInput,
                  fmt::format("this is a calibration tensorfile, expected a trained {}", expected),
                  "give it with --cal_data_file");
    case FileKind::kOnnx:
      throw Error(Kind::kUnsupported, fmt::format("this is an ONNX model, expected a trained {}", expected),
                  "give the model that training wrote");
    case FileKind::kEtlt:
      throw Error(Kind::kUnsupported,
                  fmt::format("this is an exported model (.etlt), expected a trained {}", expected),
                  "give the model that training wrote");
    default:
      throw Error(Kind::kBadInput, fmt::format("this is no {}", expected),
                  "give the model that training wrote");
  }
}

}  // namespace

FileKind kind_of_file(const fs::path& path) {
  if (looks_like_tf_checkpoint_folder(path) || looks_like_tf_checkpoint_index(path))
    return FileKind::kBareCheckpoint;
  if (std::error_code ignored; fs::is_directory(path, ignored))
    throw Error(
        Kind::kBadInput,
        fmt::format("{} is a folder and holds no checkpoint (.index and .data-... files)", quoted(path)),
        "give the model's file, or the folder with the checkpoint");
  check_is_data_file(path);
  const Bytes head = read_file_head(path, kHeadBytes);
  if (looks_like_hdf5(head))
    return looks_like_tensorfile(path) ? FileKind::kTensorfile : FileKind::kKerasHdf5;
  if (looks_like_zip(head)) return FileKind::kCheckpointZip;
  if (looks_like_statistics(head)) return FileKind::kStatistics;
  if (looks_like_tfrecord(head)) return FileKind::kTfRecord;
  // Encrypted bytes look like anything now and then, so these endings come before the weaker signatures.
  if (path.extension() == ".etlt") return FileKind::kEtlt;
  if (path.extension() == ".tlt") return FileKind::kEncryptedOrUnknown;
  if (engine_kind(head)) return FileKind::kEngine;
  if (looks_like_calibration_cache(head)) return FileKind::kCalibrationCache;
  if (looks_like_onnx(head)) return FileKind::kOnnx;
  if (looks_like_text(head)) return FileKind::kSpec;
  return FileKind::kEncryptedOrUnknown;
}

KerasModel read_trained_model(const fs::path& path, std::string_view key) {
  const FileKind kind = kind_of_file(path);
  return within([&] { return quoted(path); },
                [&]() -> KerasModel {
                  if (kind == FileKind::kKerasHdf5) return read_keras_hdf5(path);
                  if (kind == FileKind::kCheckpointZip || kind == FileKind::kBareCheckpoint)
                    throw Error(
                        Kind::kBadInput,
                        fmt::format("this is a {}, expected a Keras model",
                                    kind == FileKind::kCheckpointZip ? "ZIP, as Mask R-CNN's checkpoints are"
                                                                     : "bare TensorFlow checkpoint"),
                        kMaskRcnnTakesIt);
                  if (kind == FileKind::kEncryptedOrUnknown && may_be_encrypted(path))
                    return read_encrypted(path, key);
                  refuse_kind(kind, kKerasModel);
                });
}

TfCheckpoint read_trained_checkpoint(const fs::path& path, std::string_view key) {
  const FileKind kind = kind_of_file(path);
  return within([&] { return quoted(path); },
                [&]() -> TfCheckpoint {
                  if (kind == FileKind::kCheckpointZip || kind == FileKind::kBareCheckpoint)
                    return read_tf_checkpoint(path);
                  if (kind == FileKind::kKerasHdf5)
                    throw Error(Kind::kBadInput, "this is a Keras model, expected a Mask R-CNN checkpoint",
                                kDetectnetV2TakesIt);
                  if (kind == FileKind::kEncryptedOrUnknown && may_be_encrypted(path))
                    return read_encrypted_checkpoint(path, key);
                  refuse_kind(kind, kCheckpoint);
                });
}

}  // namespace etalon
