// `etalon inspect`: what a file of this world is and holds. Changes nothing and needs no key.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace etalon {

// One document: "version" (1), "file", "kind", "size_bytes", then what the kind has; tables are arrays of
// objects with the same keys. The program prints it as JSON or as a table. Errors (kBadInput, file named):
// not a file we know.
nlohmann::ordered_json inspect_file(const std::filesystem::path& path);

// What is different in two calibration caches: "files", "headers", "lines", and "differences", a row for each
// tensor whose ranges differ, the one with the largest ratio first; "only_in_first", "only_in_second". Names
// match with or without ":0". Errors: kUnsupported for files of other kinds.
nlohmann::ordered_json inspect_difference(const std::filesystem::path& first,
                                          const std::filesystem::path& second);

}  // namespace etalon
