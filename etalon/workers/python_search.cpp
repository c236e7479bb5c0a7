#include "etalon/workers/python_search.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>

namespace etalon {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// "3.10" is a version of 3.10 and of 3, as "3.10.4" is; "3.1" and "3.100" are none of 3.10.
bool is_version_of(std::string_view name, std::string_view version) {
  return name == version || (name.starts_with(version) && name[version.size()] == '.');
}

void add_from_path(const std::vector<std::string>& versions, std::vector<fs::path>& found) {
  const std::string path = environment("PATH");
  for (const std::string& version : versions) {
    for (std::size_t begin = 0; begin < path.size();) {
      const std::size_t end = std::min(path.find(':', begin), path.size());
      if (end > begin) found.push_back(fs::path(path.substr(begin, end - begin)) / ("python" + version));
      begin = end + 1;
    }
  }
}

void add_from_pyenv(const std::vector<std::string>& versions, std::vector<fs::path>& found) {
  const std::string home = environment("HOME");
  if (home.empty()) return;
  std::vector<fs::path> here;
  std::error_code ignored;  // no such folder: nothing found
  for (fs::directory_iterator at(fs::path(home) / ".pyenv/versions", ignored), end; !ignored && at != end;
       at.increment(ignored)) {
    const std::string name = at->path().filename().string();
    if (std::ranges::any_of(versions, [&](const auto& version) { return is_version_of(name, version); }))
      here.push_back(at->path() / "bin/python");
  }
  std::ranges::sort(here);
  found.insert(found.end(), here.begin(), here.end());
}

}  // namespace

fs::path named_python(const PythonSearch& search) { return environment(search.variable); }

std::vector<fs::path> other_pythons(const PythonSearch& search) {
  std::vector<fs::path> found;
  if (!search.set_up.empty()) found.push_back(search.set_up);
  add_from_path(search.versions, found);
  add_from_pyenv(search.versions, found);
  std::erase_if(found, [](const fs::path& python) { return ::access(python.c_str(), X_OK) != 0; });
  // /bin and /usr/bin are often one folder. The file itself may be a link and is not followed: an environment
  // of Python is known by the name that it is called by.
  std::vector<fs::path> once, seen;
  for (const fs::path& python : found) {
    fs::path place = fs::weakly_canonical(python.parent_path()) / python.filename();
    if (std::ranges::find(seen, place) != seen.end()) continue;
    seen.push_back(std::move(place));
    once.push_back(python);
  }
  return once;
}

std::string looked_at(const PythonSearch& search) {
  std::string places(search.variable);
  if (!search.set_up.empty()) places += ", " + search.set_up.string();
  std::string names;
  for (std::size_t i = 0; i < search.versions.size(); ++i)
    names += (i == 0                            ? ""
              : i + 1 == search.versions.size() ? " and "
                                                : ", ") +
             ("python" + search.versions[i]);
  return places + ", " + names + " on PATH, ~/.pyenv/versions";
}

}  // namespace etalon
