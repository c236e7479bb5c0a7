// DetectNet_v2's experiment specification (protobuf text).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/spec/detectnet_v2.pb.h"
#include "etalon/spec/finding.hpp"

namespace etalon {

struct DetectnetV2Spec {
  detectnet_v2::Experiment experiment;
  std::vector<Finding>
      findings;  // what was passed over: unknown fields with line, column and the nearest name
};

// Errors (kBadInput): does not parse (line, column, 1-based, and the parser's words), a wrong type, no known
// field at all. An unknown field is a finding, not an error. The caller adds the file's name.
DetectnetV2Spec parse_detectnet_v2_spec(std::string_view text);
DetectnetV2Spec read_detectnet_v2_spec(const std::filesystem::path& path);

// Names of cost_function_config.target_classes in order: the class order of the network's outputs.
// Error (kBadInput) when there is none, one is empty, or one stands twice.
std::vector<std::string> target_class_names(const detectnet_v2::Experiment& experiment);

}  // namespace etalon
