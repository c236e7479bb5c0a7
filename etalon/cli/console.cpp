#include "etalon/cli/console.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <mutex>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

volatile std::sig_atomic_t stop_asked = 0;
std::atomic<bool> log_failed = false;  // a line of the log could not be written: check() says so

extern "C" void on_signal(int) {
  constexpr int kInterruptedStatus = 130;
  if (stop_asked) ::_exit(kInterruptedStatus);
  stop_asked = 1;
}

using Clock = std::chrono::steady_clock;

std::string clock_text(double seconds) {
  const auto s = static_cast<long>(seconds + 0.5);
  return s < 60     ? fmt::format("{} s", s)
         : s < 3600 ? fmt::format("{} min {:02} s", s / 60, s % 60)
                    : fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
}

}  // namespace

void stop_on_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files is an error of write(), as a full disk is
}

struct Console::State {
  std::shared_ptr<spdlog::logger> talk;
  std::shared_ptr<spdlog::logger> errors;
  bool show_progress = false;

  std::mutex mutex;  // progress comes from several threads
  std::string what;
  std::uint64_t total = 0, done = 0;
  Clock::time_point started, shown;
  bool line_open = false;

  void show(bool last) {
    const auto now = Clock::now();
    if (!last && now - shown < std::chrono::milliseconds(100)) return;
    shown = now;
    const double seconds = std::chrono::duration<double>(now - started).count();
    const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
    const std::string left =
        rate > 0 && !last ? fmt::format(", {} left", clock_text(static_cast<double>(total - done) / rate))
                          : "";
    fmt::print(stderr, "\r{} {}/{}, {:.1f}/s{}\x1b[K", what, done, total, rate, left);
    std::fflush(stderr);
    line_open = true;
  }
  void close_line() {
    if (line_open) fmt::print(stderr, "\n");
    line_open = false;
  }
};

Console::Console(const ConsoleOptions& options) : state_(std::make_unique<State>()) {
  stop_on_signals();
  const auto terminal = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  terminal->set_pattern("%l: %v");
  std::vector<spdlog::sink_ptr> talk{terminal}, errors{terminal};
  if (options.log_file) {
    // Opening a pipe that nobody reads would wait for ever.
    std::error_code ignored;
    if (std::filesystem::is_fifo(*options.log_file, ignored))
      throw Error(
          Kind::kBadInput,
          fmt::format("the log file '{}' is a pipe, expected a file", escaped(options.log_file->string())),
          "give another --log_file");
    try {
      const auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.log_file->string());
      file->set_pattern("%Y-%m-%d %H:%M:%S %l: %v");
      talk = {file};
      errors.push_back(file);
    } catch (const spdlog::spdlog_ex&) {
      throw Error(Kind::kEnvironment,
                  fmt::format("cannot write the log file '{}'", escaped(options.log_file->string())),
                  "give another --log_file");
    }
  }
  state_->talk = std::make_shared<spdlog::logger>("talk", talk.begin(), talk.end());
  state_->errors = std::make_shared<spdlog::logger>("errors", errors.begin(), errors.end());
  for (const auto& logger : {state_->talk, state_->errors}) {
    logger->set_level(options.verbose ? spdlog::level::debug : spdlog::level::info);
    logger->flush_on(spdlog::level::debug);
    logger->set_error_handler([](const std::string&) { log_failed = true; });
  }
  state_->show_progress = options.progress_allowed && !options.log_file && ::isatty(STDERR_FILENO) == 1;
}

Console::~Console() { state_->close_line(); }

void Console::write(LogLevel level, std::string_view text) {
  const std::lock_guard lock(state_->mutex);
  state_->close_line();
  const auto spd = level == LogLevel::kDebug  ? spdlog::level::debug
                   : level == LogLevel::kInfo ? spdlog::level::info
                                              : spdlog::level::warn;
  state_->talk->log(spd, spdlog::string_view_t(text.data(), text.size()));
}

void Console::error(std::string_view text) {
  const std::lock_guard lock(state_->mutex);
  state_->close_line();
  state_->errors->log(spdlog::level::err, spdlog::string_view_t(text.data(), text.size()));
}

void Console::begin(std::string_view what, std::uint64_t total) {
  const std::lock_guard lock(state_->mutex);
  state_->what = what;
  state_->total = total;
  state_->done = 0;
  state_->started = Clock::now();
  state_->shown = {};
}

void Console::advance(std::uint64_t count) {
  check();
  const std::lock_guard lock(state_->mutex);
  state_->done += count;
  if (state_->show_progress) state_->show(false);
}

void Console::end() {
  const std::lock_guard lock(state_->mutex);
  if (state_->show_progress) state_->show(true);
  state_->close_line();
}

void Console::check() {
  if (stop_asked) throw Error(Kind::kInterrupted, "interrupted");
  if (log_failed.exchange(false))
    throw Error(Kind::kEnvironment, "cannot write the log", "free some space or give another --log_file");
}

}  // namespace etalon
