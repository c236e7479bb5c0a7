// Where the program's talk goes: stderr, or the file that --log_file names; progress only on a terminal.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "etalon/base/log.hpp"

namespace etalon {

struct ConsoleOptions {
  bool verbose = false;                           // debug lines too
  bool progress_allowed = true;                   // off with --json
  std::optional<std::filesystem::path> log_file;  // appended; its folder is made. All talk goes there instead
};

class Console final : public Log, public Progress {
 public:
  // Error (kEnvironment) when the log file cannot be written.
  explicit Console(const ConsoleOptions& options);
  ~Console() override;

  void write(LogLevel level, std::string_view text) override;
  void error(std::string_view text);  // to stderr in any case, and to the log file

  void begin(std::string_view what, std::uint64_t total) override;
  void advance(std::uint64_t count) override;
  void end() override;
  void check() override;  // throws Error(kInterrupted) after SIGINT or SIGTERM

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// SIGINT, SIGTERM and SIGHUP make the next check() throw; a second one ends the process at once with status
// 130. A Console does this for itself; verbs without one are ended by the signals at once.
void stop_on_signals();

}  // namespace etalon
