// `etalon inspect`: what a file of this world is and holds. Changes nothing and needs no key.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "etalon/base/log.hpp"
#include "etalon/pipeline/compare_models.hpp"

namespace etalon {

// One document: "version" (1), "file", "kind", "size_bytes", then what the kind has; tables are arrays of
// objects with the same keys. The program prints it as JSON or as a table. Errors (kBadInput, file named):
// not a file we know.
nlohmann::ordered_json inspect_file(const std::filesystem::path& path);

// What is different in two files. Models: see compare_models.hpp. Calibration caches: "files", "headers",
// "lines", and "differences", a row for each tensor whose ranges differ, the one with the largest ratio
// first; "only_in_first", "only_in_second". Names match with or without ":0". Errors: kUnsupported for files
// of other kinds, or of two; kWrongUsage for an image where there is nothing to run.
nlohmann::ordered_json inspect_difference(const CompareModelsOptions& options, Log& log, Progress& progress);

}  // namespace etalon
