#include "etalon/calibration/record_files.hpp"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <memory>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"

namespace etalon {

namespace fs = std::filesystem;

std::vector<fs::path> files_matching(const fs::path& pattern, std::string_view field,
                                     const std::string& hint) {
  glob_t found{};
  const std::unique_ptr<glob_t, decltype(&::globfree)> release(&found, ::globfree);
  if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) != 0 || found.gl_pathc == 0)
    throw Error(Kind::kBadInput, fmt::format("no file matches the {} {}", field, quoted(pattern)), hint);
  std::vector<fs::path> files(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  std::ranges::sort(files);
  return files;
}

}  // namespace etalon
