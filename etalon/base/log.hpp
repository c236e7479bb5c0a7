// What a stage may say while it works. The stages speak through these two interfaces; only `cli/` prints.
#pragma once

#include <cstdint>
#include <string_view>

namespace etalon {

enum class LogLevel { kDebug, kInfo, kWarning };

class Log {
 public:
  virtual ~Log() = default;
  virtual void write(LogLevel level, std::string_view text) = 0;

  void debug(std::string_view text) { write(LogLevel::kDebug, text); }
  void info(std::string_view text) { write(LogLevel::kInfo, text); }
  void warning(std::string_view text) { write(LogLevel::kWarning, text); }
};

// Long work that can be counted. `advance` and `check` throw Error(kInterrupted) once the user asked to stop.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void begin(std::string_view what, std::uint64_t total) = 0;
  virtual void advance(std::uint64_t count = 1) = 0;
  virtual void end() = 0;
  virtual void check() = 0;
};

// Says nothing and never stops: for tests and for callers that do not care.
class SilentLog final : public Log {
 public:
  void write(LogLevel, std::string_view) override {}
};
class SilentProgress final : public Progress {
 public:
  void begin(std::string_view, std::uint64_t) override {}
  void advance(std::uint64_t) override {}
  void end() override {}
  void check() override {}
};

}  // namespace etalon
