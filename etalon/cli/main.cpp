// etalon: from the command line to a verb, and from its result to an exit status.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/base/name_match.hpp"
#include "etalon/cli/console.hpp"
#include "etalon/cli/tao_task.hpp"
#include "etalon/cli/verbs.hpp"
#include "etalon/cli/words.hpp"

namespace etalon {
namespace {

std::string overview() {
  std::string text =
      "etalon " ETALON_VERSION ": a trained NVIDIA TAO network to deployment, on an ordinary CPU\n\n";
  const auto name = [](const Verb& verb) {
    return verb.network.empty() ? std::string(verb.task) : fmt::format("{} {}", verb.network, verb.task);
  };
  std::size_t width = 0;
  for (const Verb& verb : verbs()) width = std::max(width, name(verb).size());
  for (const Verb& verb : verbs())
    if (!verb.purpose.empty()) text += fmt::format("  etalon {:<{}}  {}\n", name(verb), width, verb.purpose);
  return text +
         "\n`etalon VERB --help` lists a verb's flags. TAO's spellings work too: `etalon model detectnet_v2 "
         "export ...`.\n";
}

[[noreturn]] void refuse_word(std::string_view what, const std::string& word,
                              const std::vector<std::string>& known) {
  const auto nearest = nearest_name(word, known);
  throw Error(Kind::kWrongUsage,
              fmt::format("unknown {} '{}', expected one of {}", what, escaped(word), fmt::join(known, ", ")),
              nearest ? fmt::format("did you mean {}?", *nearest) : "");
}

int run(std::string_view program_name, std::vector<std::string> words) {
  words = canonical_words(program_name, std::move(words));
  if (words.empty()) {
    fmt::print(stderr, "{}", overview());
    return 2;
  }
  const std::string first = words.front();
  if (first == "--help" || first == "-h" || first == "help") return fmt::print("{}", overview()), 0;
  if (first == "--version") return fmt::print("etalon {}\n", ETALON_VERSION), 0;
  words.erase(words.begin());

  std::set<std::string> first_words;
  std::vector<std::string> tasks;
  for (const Verb& verb : verbs()) {
    if (verb.network.empty() && verb.task == first) return verb.run(std::move(words));
    if (!verb.purpose.empty()) first_words.emplace(verb.network.empty() ? verb.task : verb.network);
    if (verb.network == first) tasks.emplace_back(verb.task);
  }
  if (tasks.empty()) refuse_word("network or verb", first, {first_words.begin(), first_words.end()});
  words = task_first(std::move(words), tasks);
  if (words.empty() || words.front() == "--help" || words.front() == "-h") {
    fmt::print(words.empty() ? stderr : stdout, "{}", overview());
    return words.empty() ? 2 : 0;
  }
  const std::string task = words.front();
  words.erase(words.begin());
  for (const Verb& verb : verbs())
    if (verb.network == first && verb.task == task) return verb.run(std::move(words));
  refuse_word(fmt::format("task of {}", first), task, tasks);
}

}  // namespace
}  // namespace etalon

namespace {

// A descriptor 0, 1 or 2 that is closed would be given to the next file that is opened, and our talk would go
// into it.
void open_standard_streams() {
  for (int fd = ::open("/dev/null", O_RDWR); fd >= 0 && fd <= STDERR_FILENO;
       fd = ::open("/dev/null", O_RDWR)) {
  }
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_streams();
  try {
    const int status = etalon::run(argc > 0 ? argv[0] : "etalon",
                                   std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
    if (std::fflush(stdout) != 0 || std::ferror(stdout))
      throw etalon::Error(etalon::Kind::kEnvironment, "cannot write to standard output");
    return status;
  } catch (const std::exception& failure) {
    const etalon::Error error = etalon::as_error(failure);
    fmt::print(stderr, "error: {}\n", error.line());
    return etalon::exit_status(error);
  }
}
