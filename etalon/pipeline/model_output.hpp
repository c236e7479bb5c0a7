// The exported model's file: where it goes, and whether it is encrypted.
#pragma once

#include <filesystem>
#include <optional>

#include "etalon/base/file.hpp"
#include "etalon/base/log.hpp"
#include "etalon/onnx/model.hpp"
#include "etalon/pipeline/export_options.hpp"
#include "etalon/workers/codec.hpp"

namespace etalon {

struct ModelOutput {
  std::filesystem::path path;
  std::optional<CodecFound> codec;  // set: the file is encrypted with it
};

// The ending of --output_file decides; without one, .etlt if there is a key and the codec, said in one line
// (docs/decisions.md 5). Errors (kWrongUsage): a folder, another ending, .etlt without key or codec.
ModelOutput choose_model_output(const ExportOptions& options, Log& log);

void stage_model(const ExportOptions& options, const ModelProto& model, const ModelOutput& output,
                 OutputFiles& outputs);

}  // namespace etalon
