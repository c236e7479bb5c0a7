// The one exception type of etalon: what is wrong, the places it was met in, and what to do about it.
//
//   throw Error(Kind::kBadInput, "kernel is 7x7x2x64, expected 7x7x3x64", "compare with `etalon inspect`");
//   ... within([&] { return fmt::format("layer '{}'", name); }, [&] { lower(layer); });
//
// prints  error: kernel is 7x7x2x64, expected 7x7x3x64, in layer 'conv1', in 'model.hdf5' (compare with ...)
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace etalon {

// What sort of failure it was. The names that `kind_name` gives are stable: they stand in --json and
// status.json.
enum class Kind {
  kBadInput,     // a file or value from outside is wrong
  kWrongUsage,   // the command line is wrong; the program exits with 2
  kUnsupported,  // the input may be right, but etalon cannot do this
  kEnvironment,  // something of the machine is missing or refuses: disk, permission, a package
  kInterrupted,  // the user stopped the run; the program exits with 130
  kInternal,     // our own mistake
};

std::string_view kind_name(Kind kind);

// Text from a file or from the command line, fit for a terminal and for one line: control characters and
// bytes that are not UTF-8 are written as \xNN; at most `limit` characters are kept, then "..." follows.
std::string escaped(std::string_view text, std::size_t limit = 200);

class Error : public std::exception {
 public:
  explicit Error(Kind kind, std::string problem, std::string hint = {});

  Kind kind() const { return kind_; }
  const std::string& problem() const { return problem_; }
  const std::vector<std::string>& places() const { return places_; }  // innermost first
  const std::string& hint() const { return hint_; }

  // "layer 'conv1'", "'model.hdf5'": appended, never replaced.
  void add_place(std::string place);
  void set_hint(std::string hint) { hint_ = std::move(hint); }

  // One line: problem, in place, in place (hint).
  std::string line() const;
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  Kind kind_;
  std::string problem_;
  std::vector<std::string> places_;
  std::string hint_;
  std::string what_;
};

// Runs `body`; an Error that leaves it gains the place that `describe` returns. `describe` runs only then.
template <class Describe, class Body>
decltype(auto) within(Describe&& describe, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (Error& error) {
    error.add_place(std::forward<Describe>(describe)());
    throw;
  }
}

}  // namespace etalon
