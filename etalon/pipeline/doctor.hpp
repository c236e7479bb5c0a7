// `etalon doctor`: what is installed, and whether model, key, spec and images fit together. Changes nothing.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace etalon {

struct DoctorOptions {
  std::optional<std::filesystem::path> model;
  std::string key;
  std::optional<std::filesystem::path> experiment_spec;
  std::optional<std::filesystem::path> cal_image_dir;
};

// One document: "version", "etalon", "runtime", "codec", and "checks", rows of what / result (ok, note,
// error) / detail. Never throws for what it finds wrong: that is a row with result "error".
nlohmann::ordered_json examine(const DoctorOptions& options);

// Whether some check of the document has the result "error".
bool has_errors(const nlohmann::ordered_json& examined);

}  // namespace etalon
