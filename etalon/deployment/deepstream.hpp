// The files that DeepStream's nvinfer element reads beside a model.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "etalon/networks/deployable.hpp"

namespace etalon {

enum class NetworkMode { kFp32 = 0, kInt8 = 1, kFp16 = 2 };  // nvinfer's numbers

struct DeepStreamModel {
  std::string model_file;  // as it shall stand in the file: relative to the configuration
  bool encrypted = false;  // .etlt: tlt-encoded-model instead of onnx-file
  std::string key{};       // empty: none
  std::optional<std::string> calibration_cache{};  // int8-calib-file
  std::string labels_file = "labels.txt";
  NetworkMode mode = NetworkMode::kFp32;
};

struct NvinferConfig {
  std::string text;
  std::vector<std::string> warnings;  // what nvinfer will do otherwise than the training did
};

// nvinfer_config.txt: `[property]` with TAO's lines in TAO's order, then what nvinfer needs besides to load
// the file as it is, then `[class-attrs-all]` and, where classes differ, `[class-attrs-<id>]` from the spec's
// clustering. The roles of the outputs say what is written: coverage and boxes make a detector (network-type
// 0), detections and masks an instance segmentation (3). Strings are escaped as GLib's key files want it.
// Errors (kBadInput): a value that no key file can hold, or that nvinfer refuses.
NvinferConfig nvinfer_config(const Deployable& deployable, const DeepStreamModel& model);

// One name a line. Error (kBadInput) for a name that nvinfer cannot read back: empty, or with a line break or
// ';'.
std::string labels_txt(const std::vector<std::string>& labels);

}  // namespace etalon
