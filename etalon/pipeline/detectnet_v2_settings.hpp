// How a DetectNet_v2's outputs become boxes: from a specification, else from what the ONNX says of itself,
// else by defaults. `compare` and `inference` share it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "etalon/base/log.hpp"
#include "etalon/detections/detectnet_v2.hpp"
#include "etalon/images/drawing.hpp"
#include "etalon/networks/metadata.hpp"
#include "etalon/runtime/tensor.hpp"
#include "etalon/spec/detectnet_v2_spec.hpp"

namespace etalon {

struct DetectnetV2Outputs {
  std::string coverage, boxes;  // tensors
  std::size_t class_count = 0;
};
// Error (kBadInput): the model has no such outputs, or their channels do not fit each other.
DetectnetV2Outputs detectnet_v2_outputs(const ServedModel& served, const ModelProto& model);

// One of the two kinds of specification that name classes and their clustering.
struct DetectionSpec {
  std::optional<DetectnetV2Spec> experiment;
  std::optional<DetectnetV2InferenceSpec> inference;
};
DetectionSpec read_detection_spec(const std::filesystem::path& path);

struct DetectionSettings {
  std::vector<std::string> labels;  // one a class
  DetectnetV2Decoding decoding;     // input size left open
  // Of an inference specification:
  std::vector<std::string> names{};  // output_map; empty: the labels
  std::vector<Colour> colours{};     // empty: class_colour
  std::vector<std::string> shown{};  // postproc_classes; empty: all
  std::optional<int> line_width{};   // overlay_linewidth
};

// Errors (kBadInput, of the spec): another number of classes than the model, no clustering for a class;
// (kUnsupported) a confidence model that TAO cannot compute either.
DetectionSettings detection_settings(const DetectionSpec& spec, const ServedModel& served,
                                     std::size_t class_count);

// Errors of decode_detectnet_v2, and (kBadInput) outputs of another shape than [1, C, h, w].
std::vector<Detection> detect_boxes(const Outputs& outputs, const DetectnetV2Outputs& names,
                                    const DetectnetV2Decoding& decoding);

}  // namespace etalon
