// A model that was exported before: the ONNX itself, or an .etlt around it.
//
//   if (is_exported(kind_of_file(path))) ModelProto model = read_exported_model(path, key);
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/onnx/model.hpp"
#include "etalon/pipeline/trained_model.hpp"

namespace etalon {

constexpr bool is_exported(FileKind kind) { return kind == FileKind::kOnnx || kind == FileKind::kEtlt; }

// Errors name the file: kBadInput (no such model, damaged, a key that does not open it), kUnsupported (an
// .etlt that holds UFF), and those of decrypt_with_key.
ModelProto read_exported_model(const std::filesystem::path& path, std::string_view key);

// A model of whatever tool in the form that the runtime can be watched in: it forgets the name of what goes
// into a Dropout, and folds others away. Errors: it does not load.
struct WatchedModel {
  ModelProto model;
  std::vector<std::string> tensors;  // those of deciding_tensors (scale_sources.hpp) that can be seen
};
WatchedModel watched_model(const ModelProto& model, const std::vector<std::string>& unranged);

// Error (kUnsupported): a node of TensorRT's plugins, which no CPU has.
void check_can_run(const ModelProto& model);

// For whoever takes ranges or compares INT8 with it. Error (kBadInput): the model is explicitly quantised.
void check_is_plain(const ModelProto& model);

// The same, to be run here: a model in explicit INT8 as the arithmetic that it means.
ModelProto read_runnable_model(const std::filesystem::path& path, std::string_view key);

}  // namespace etalon
