// Files that a specification names by a pattern.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace etalon {

// What matches a pattern of glob(7), sorted by name. Error (kBadInput): nothing does; `field` is how the
// specification calls the pattern, `hint` says where relative ones are looked for.
std::vector<std::filesystem::path> files_matching(const std::filesystem::path& pattern,
                                                  std::string_view field, const std::string& hint);

}  // namespace etalon
