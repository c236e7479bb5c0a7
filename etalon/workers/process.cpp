#include "etalon/workers/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kTailBytes = 2000;
constexpr std::size_t kReadBytes = 1 << 16;

void close_end(int& fd) {
  if (fd >= 0) ::close(std::exchange(fd, -1));
}

[[noreturn]] void refuse(const std::string& name, int reason) {
  throw Error(Kind::kEnvironment, fmt::format("cannot start '{}': {}", escaped(name), std::strerror(reason)));
}

// What posix_spawn needs beside argv; freed when it goes.
struct SpawnSettings {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  SpawnSettings(int input, int output, int error) {
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, error, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setpgroup(&attributes, 0);
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    for (const int signal : {SIGINT, SIGTERM, SIGPIPE}) sigaddset(&defaults, signal);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
};

// The child's ends of the three connections, which the parent closes once the child has them.
struct ChildEnds {
  int input = -1, output = -1, error = -1;
  ~ChildEnds() {
    close_end(input);
    close_end(output);
    close_end(error);
  }
};

// All ends are numbered above 2 even if our own standard descriptors are closed. The child's: dup2 onto
// themselves would leave them to be closed on exec. Ours: what this program prints meanwhile would go to the
// child.
int above_standard(int fd) {
  if (fd < 0 || fd > STDERR_FILENO) return fd;
  const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  ::close(fd);
  return moved;
}

// Appends what is there to read; false at the end of the stream.
bool read_some(int fd, Bytes& into) {
  const std::size_t before = into.size();
  into.resize(before + kReadBytes);
  const ssize_t n = ::read(fd, into.data() + before, kReadBytes);
  into.resize(before + static_cast<std::size_t>(std::max<ssize_t>(0, n)));
  return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

// Sends what the child takes now; false when all is sent or the child does not read any more. A socket
// instead of a pipe, because a pipe without a reader raises SIGPIPE and a socket can be told not to.
bool send_some(int fd, const std::vector<ByteView>& input, std::size_t& part, std::size_t& sent) {
  while (part < input.size() && sent == input[part].size()) {
    ++part;
    sent = 0;
  }
  if (part == input.size()) return false;
  const ByteView rest = input[part].subspan(sent);
  const ssize_t n = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  sent += static_cast<std::size_t>(n);
  return true;
}

std::string tail_of(const Bytes& bytes) {
  const std::string_view text = as_text(bytes);
  return std::string(text.substr(text.size() - std::min(text.size(), kTailBytes)));
}

// How long to wait for the child before looking up again.
int patience_ms(Clock::time_point deadline, const ChildWatch& watch) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left + 1, 0, watch.check ? 200 : 60'000));
}

// Hands whole lines to `line` until it wants no more; `looked_at` bytes at the begin of `output` hold no line
// end. False: it wants no more.
bool hand_over_lines(Bytes& output, std::size_t& looked_at,
                     const std::function<bool(std::string_view)>& line) {
  std::size_t begin = 0;
  bool goes_on = true;
  while (goes_on) {
    const std::string_view text = as_text(output);
    const std::size_t end = text.find('\n', std::max(begin, looked_at));
    if (end == std::string_view::npos) break;
    goes_on = line(text.substr(begin, end - begin));
    begin = end + 1;
  }
  output.erase(output.begin(), output.begin() + static_cast<std::ptrdiff_t>(begin));
  looked_at = output.size();
  return goes_on;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& argv) : name_(argv.at(0)) {
  std::array<int, 2> input{-1, -1}, output{-1, -1}, error{-1, -1};
  const bool made = ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, input.data()) == 0 &&
                    ::pipe2(output.data(), O_CLOEXEC) == 0 && ::pipe2(error.data(), O_CLOEXEC) == 0;
  int reason = made ? 0 : errno;
  input_ = above_standard(input[0]);
  output_ = above_standard(output[0]);
  error_ = above_standard(error[0]);
  ChildEnds child;
  child.input = above_standard(input[1]);
  child.output = above_standard(output[1]);
  child.error = above_standard(error[1]);
  if (made && std::min({input_, output_, error_, child.input, child.output, child.error}) < 0)
    reason = EMFILE;
  if (reason == 0) {
    std::vector<char*> arguments;
    for (const auto& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const SpawnSettings settings(child.input, child.output, child.error);
    reason =
        ::posix_spawn(&pid_, name_.c_str(), &settings.files, &settings.attributes, arguments.data(), environ);
  }
  if (reason == 0) return;
  pid_ = -1;
  close_end(input_);
  close_end(output_);
  close_end(error_);
  refuse(name_, reason);
}

ChildProcess::~ChildProcess() {
  close_end(input_);
  close_end(output_);
  close_end(error_);
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

ChildAnswer ChildProcess::exchange(const std::vector<ByteView>& input, const ChildLimits& limits,
                                   const ChildWatch& watch) {
  const Clock::time_point deadline = Clock::now() + limits.time;
  ChildAnswer answer{};
  Bytes errors;
  std::size_t part = 0, sent = 0, looked_at = 0;
  bool in_lines = static_cast<bool>(watch.line);
  while (output_ >= 0 || error_ >= 0) {
    std::array<pollfd, 3> ends{pollfd{input_, POLLOUT, 0}, pollfd{output_, POLLIN, 0},
                               pollfd{error_, POLLIN, 0}};
    const int ready = ::poll(ends.data(), ends.size(), patience_ms(deadline, watch));
    if (ready < 0 && errno != EINTR)
      throw Error(Kind::kEnvironment,
                  fmt::format("cannot wait for '{}': {}", escaped(name_), std::strerror(errno)));
    if (watch.check) watch.check();
    if (Clock::now() >= deadline) give_up(limits);
    if (ready <= 0) continue;
    if (ends[0].revents != 0 && !send_some(input_, input, part, sent)) close_end(input_);
    if (ends[1].revents != 0 && !read_some(output_, answer.output)) close_end(output_);
    if (ends[2].revents != 0 && !read_some(error_, errors)) close_end(error_);
    if (in_lines) in_lines = hand_over_lines(answer.output, looked_at, watch.line);
    if (answer.output.size() > limits.output_bytes)
      throw Error(Kind::kEnvironment,
                  fmt::format("'{}' answers with more than {} bytes", escaped(name_), limits.output_bytes));
    if (errors.size() > 2 * kReadBytes) errors.erase(errors.begin(), errors.end() - kTailBytes);
  }
  close_end(input_);
  answer.exit_status = wait_until(deadline, limits, watch);
  answer.error_tail = tail_of(errors);
  return answer;
}

int ChildProcess::wait_until(Clock::time_point deadline, const ChildLimits& limits, const ChildWatch& watch) {
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended == pid_) {
      ::kill(-pid_, SIGKILL);  // what it left behind in its group
      pid_ = -1;
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    if (ended < 0 && errno != EINTR)
      throw Error(Kind::kEnvironment,
                  fmt::format("cannot wait for '{}': {}", escaped(name_), std::strerror(errno)));
    if (watch.check) watch.check();
    if (Clock::now() >= deadline) give_up(limits);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void ChildProcess::give_up(const ChildLimits& limits) {
  throw Error(Kind::kEnvironment, fmt::format("'{}' did not end within {} seconds", escaped(name_),
                                              static_cast<double>(limits.time.count()) / 1000));
}

}  // namespace etalon
