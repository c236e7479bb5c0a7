// `etalon inspect`: what a file of this world is and holds. Changes nothing and needs no key.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace etalon {

// One document: "version" (1), "file", "kind", "size_bytes", then what the kind has; tables are arrays of
// objects with the same keys. The program prints it as JSON or as a table. Errors (kBadInput, file named):
// not a file we know.
nlohmann::ordered_json inspect_file(const std::filesystem::path& path);

}  // namespace etalon
