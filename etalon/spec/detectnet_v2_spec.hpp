// DetectNet_v2's specifications (protobuf text): that of the experiment, and those of two of its tasks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/spec/detectnet_v2.pb.h"
#include "etalon/spec/finding.hpp"
#include "etalon/spec/text_outline.hpp"

namespace etalon {

struct DetectnetV2Spec {
  detectnet_v2::Experiment experiment;
  std::vector<Finding> findings;  // what was passed over: unknown fields with place and nearest name
  TextOutline outline;            // where everything stands, for remarks on values
};

// Of the task inference.
struct DetectnetV2InferenceSpec {
  detectnet_v2::Inference inference;
  std::vector<Finding> findings;
  TextOutline outline;
};

// Of the task dataset_convert: one dataset_export_config without its name around it.
struct DetectnetV2ConvertSpec {
  detectnet_v2::DatasetExportConfig config;
  std::vector<Finding> findings;
  TextOutline outline;
};

// Errors (kBadInput): another kind of specification (named), does not parse (line, column, 1-based, and the
// parser's words), a wrong type, no known field at all. An unknown field is a finding, not an error. The
// caller adds the file's name.
DetectnetV2Spec parse_detectnet_v2_spec(std::string_view text);
DetectnetV2InferenceSpec parse_detectnet_v2_inference_spec(std::string_view text);
DetectnetV2ConvertSpec parse_detectnet_v2_convert_spec(std::string_view text);
DetectnetV2Spec read_detectnet_v2_spec(const std::filesystem::path& path);

// Names of cost_function_config.target_classes in order: the class order of the network's outputs.
// Error (kBadInput) when there is none, one is empty, or one stands twice.
std::vector<std::string> target_class_names(const detectnet_v2::Experiment& experiment);

}  // namespace etalon
