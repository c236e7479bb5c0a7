// `etalon spec check`: what a specification is, what in it matters to export, and what is wrong.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace etalon {

struct SpecCheckOptions {
  std::filesystem::path file;
  // What relative paths of a DetectNet_v2 specification are relative to: TAO's DATA_BASE_PATH, without it
  // ~/datasets. Those of Mask R-CNN are relative to the working directory.
  std::filesystem::path data_root;
};

// One document: "version" (1), "file", "kind", then "matters_to_export" (an experiment) or "holds" (the
// specification of a task that etalon does not run), and "findings": rows of severity (note, warning, error),
// line, column (1-based; 0: about the whole file), field (its path), text, source (the line of the file).
// Errors, the file named: does not parse (kBadInput), of another network (kUnsupported).
nlohmann::ordered_json check_spec(const SpecCheckOptions& options);

// Whether some finding of the document is an error.
bool has_error_findings(const nlohmann::ordered_json& checked);

}  // namespace etalon
