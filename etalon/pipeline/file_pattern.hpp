// Whether any file has a name that a pattern like "records/train-fold-*" means.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

namespace etalon {

// Shell patterns (*, ?, [...]) in any part of the path; a name that begins with a dot needs a dot. Nothing
// where looking would take too long: more than 100000 names read, more than 8 stars in one part, or a pattern
// of more than 4096 bytes.
std::optional<bool> any_file_matches(const std::filesystem::path& pattern);

}  // namespace etalon
