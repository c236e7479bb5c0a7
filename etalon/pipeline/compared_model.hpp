// A model that is held against another: an ONNX, or a trained model as the ONNX that export would write of
// it.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "etalon/base/log.hpp"
#include "etalon/onnx/model.hpp"
#include "etalon/pipeline/trained_model.hpp"

namespace etalon {

struct ComparedModelOptions {
  std::string key;                            // of an encrypted trained model
  std::optional<std::filesystem::path> spec;  // a Mask R-CNN checkpoint needs it
};

struct ComparedModel {
  std::filesystem::path path;
  ModelProto model;
};

// Whether files of this kind can be held against another model.
bool is_comparable_model(FileKind kind);

// Mask R-CNN's checkpoint becomes its form without plugins, a model in explicit INT8 the arithmetic that it
// means. Errors name the file: those of the readers; kWrongUsage: a checkpoint without its specification, an
// encrypted model without a key.
ComparedModel read_compared_model(const std::filesystem::path& path, const ComparedModelOptions& options,
                                  Log& log);

// How one image goes into both.
struct CommonInput {
  int channels = 3, height = 0, width = 0;
  std::string prepared;  // for people: whose preprocessing it is
  std::function<void(std::span<float>)> fill;
};

// The preprocessing is what the first model's metadata say, else the second's, else DetectNet_v2's; of a Mask
// R-CNN it is TAO's padding. Errors (kBadInput): no single image input, inputs of two sizes, a TensorRT
// plugin (kUnsupported); and, when it is filled, of the image.
CommonInput common_input(const ComparedModel& first, const ComparedModel& second,
                         const std::filesystem::path& image);

}  // namespace etalon
