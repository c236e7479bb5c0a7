// Where a Python with a certain package may be: a variable names it, else the set-up made it, else it is one
// of the Pythons on PATH or of pyenv.
//
//   const PythonSearch search{"ETALON_CODEC_PYTHON", set_up_python, {"3.10", "3.12"}, "install ..."};
//   const auto found = first_python(search, [](const auto& python) { return probe_codec(python, 20s); });
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "etalon/base/error.hpp"

namespace etalon {

struct PythonSearch {
  const char* variable;               // if it is set, the Python that it names is the only one looked at
  std::filesystem::path set_up;       // where tools/setup.sh puts one; empty: nowhere
  std::vector<std::string> versions;  // "3.10": python3.10 on PATH, ~/.pyenv/versions/3.10.*; "3" is any
  std::string install;                // the hint when the named Python does not do
};

// What `variable` names; empty when it is unset or empty.
std::filesystem::path named_python(const PythonSearch& search);

// The set-up's, those on PATH and pyenv's, as far as they can be executed.
std::vector<std::filesystem::path> other_pythons(const PythonSearch& search);

// "<variable>, .deps/codec/bin/python, python3.10 and python3.12 on PATH, ~/.pyenv/versions"
std::string looked_at(const PythonSearch& search);

// What `probe(python)` returns for the first Python that it does not throw an Error for; nullopt: for none. A
// Python that the variable names and that does not do is an Error, not a reason to look on.
template <class Probe>
auto first_python(const PythonSearch& search, Probe&& probe)
    -> std::optional<decltype(probe(std::filesystem::path()))> {
  if (const auto named = named_python(search); !named.empty()) {
    try {
      return probe(named);
    } catch (Error& error) {
      error.add_place(fmt::format("{} '{}'", search.variable, escaped(named.string())));
      error.set_hint(search.install);
      throw;
    }
  }
  for (const auto& python : other_pythons(search)) {
    try {
      return probe(python);
    } catch (const Error& error) {
      if (error.kind() == Kind::kInterrupted) throw;
      continue;  // a Python without the package: the usual case
    }
  }
  return std::nullopt;
}

}  // namespace etalon
