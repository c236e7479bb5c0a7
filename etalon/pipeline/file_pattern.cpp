#include "etalon/pipeline/file_pattern.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <string>
#include <vector>

namespace etalon {
namespace {

namespace fs = std::filesystem;

constexpr int kMostNames = 100'000;
constexpr int kMostStars = 8;  // fnmatch tries all ways to share a name among them
constexpr std::size_t kLongestPattern = 4096;

struct Search {
  std::vector<std::string> parts;
  int names_left = kMostNames;

  // Depth first: as deep as the pattern has parts, and no folder is entered that its part does not match.
  bool below(const fs::path& folder, std::size_t next) {
    if (next == parts.size()) return true;
    std::error_code failure;
    if (parts[next].find_first_of("*?[") == std::string::npos) {
      const fs::path path = folder / parts[next];
      return fs::exists(path, failure) && below(path, next + 1);
    }
    fs::directory_iterator entries(folder, failure);
    for (; !failure && entries != fs::directory_iterator(); entries.increment(failure)) {
      if (--names_left < 0) return false;
      if (::fnmatch(parts[next].c_str(), entries->path().filename().c_str(), FNM_PERIOD) == 0 &&
          below(entries->path(), next + 1))
        return true;
    }
    return false;
  }
};

}  // namespace

std::optional<bool> any_file_matches(const fs::path& pattern) {
  if (pattern.native().size() > kLongestPattern) return std::nullopt;
  Search search;
  for (const auto& part : pattern.relative_path())
    if (!part.empty()) search.parts.push_back(part.string());
  for (const auto& part : search.parts)
    if (std::ranges::count(part, '*') > kMostStars) return std::nullopt;
  if (search.below(pattern.is_absolute() ? pattern.root_path() : fs::path("."), 0)) return true;
  if (search.names_left < 0) return std::nullopt;
  return false;
}

}  // namespace etalon
