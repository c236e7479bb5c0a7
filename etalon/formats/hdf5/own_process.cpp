#include "etalon/formats/hdf5/own_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>
#include <new>
#include <utility>

namespace etalon {
namespace {

constexpr char kNumber = 'n', kText = 't', kFloats = 'f', kError = 'e';
// The child's exit status when nobody reads any more, and when an exception came that is no answer.
constexpr int kPipeBroken = 3, kUnexpected = 4;

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

// A closed standard descriptor is the next one that the system gives: an end of the pipe there would be
// written over by whatever prints, and by settle_in.
int above_standard(int fd) {
  if (fd > STDERR_FILENO) return fd;
  const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  ::close(fd);
  return moved;
}

class Child {
 public:
  explicit Child(pid_t pid = -1) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  Child& operator=(Child&& other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
  }
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
};

std::uint64_t address_space_bytes() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void limit(int resource, rlim_t value) {
  struct rlimit now {};
  if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &now) != 0) return;
  now.rlim_cur = std::min(now.rlim_max, value);
  ::setrlimit(static_cast<__rlimit_resource_t>(resource), &now);
}

// A crash is expected here: no core file, no handler's report, no line of the C library's on the terminal.
// Ctrl-C is the parent's to answer.
void settle_in(const ProcessLimits& limits, std::uint64_t parent_bytes) {
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTERM, SIGXCPU})
    ::signal(signal, SIG_DFL);
  for (const int signal : {SIGINT, SIGPIPE}) ::signal(signal, SIG_IGN);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, limits.cpu_seconds);
  limit(RLIMIT_AS, parent_bytes + limits.memory_bytes);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere >= 0) ::dup2(nowhere, STDERR_FILENO);
}

[[noreturn]] void run_child(int fd, const std::function<void(ProcessSender&)>& body) noexcept {
  ProcessSender sender(fd);
  try {
    try {
      body(sender);
    } catch (const Error& error) {
      sender.error(error);
    } catch (const std::bad_alloc&) {
      sender.error(Error(Kind::kEnvironment, "there is not enough memory to read the file"));
    }
  } catch (const StreamEnded&) {
    ::_exit(kPipeBroken);
  } catch (...) {
    // Here a process ends, not a function: above this frame stands a second copy of the program's stack,
    // whose handlers would answer the user twice. The status is what the parent learns of it.
    ::_exit(kUnexpected);
  }
  ::_exit(0);  // without destructors of the program that this is a copy of
}

[[noreturn]] void report_death(int status, std::string_view what) {
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
    throw Error(Kind::kBadInput, fmt::format("{} did not come to an end with it", what),
                "the file is damaged; copy or download it again");
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
    throw Error(Kind::kEnvironment, fmt::format("{} was killed while it read the file", what),
                "the machine may be short of memory");
  if (WIFEXITED(status) && WEXITSTATUS(status) == kUnexpected)
    throw Error(Kind::kInternal, fmt::format("the process of {} ended with an unexpected exception", what));
  throw Error(Kind::kBadInput,
              fmt::format("{} fails on it ({})", what,
                          WIFSIGNALED(status) ? ::strsignal(WTERMSIG(status)) : "its answer is not complete"),
              "the file is damaged; copy or download it again");
}

}  // namespace

void ProcessSender::all(const void* data, std::size_t size_bytes) {
  const char* at = static_cast<const char*>(data);
  while (size_bytes > 0) {
    const ssize_t n = ::write(fd_, at, size_bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw StreamEnded{};
    at += n;
    size_bytes -= static_cast<std::size_t>(n);
  }
}

void ProcessSender::tagged(char tag, std::uint64_t value) {
  std::array<char, 1 + sizeof value> bytes{tag};
  std::memcpy(bytes.data() + 1, &value, sizeof value);
  all(bytes.data(), bytes.size());
}

void ProcessSender::number(std::uint64_t value) { tagged(kNumber, value); }
void ProcessSender::text(std::string_view value) {
  tagged(kText, value.size());
  all(value.data(), value.size());
}
void ProcessSender::floats(const std::vector<float>& values) {
  tagged(kFloats, values.size());
  all(values.data(), values.size() * sizeof(float));
}
void ProcessSender::error(const Error& error) {
  tagged(kError, static_cast<std::uint64_t>(error.kind()));
  text(error.problem());
  text(error.hint());
  number(error.places().size());
  for (const auto& place : error.places()) text(place);
}

void ProcessReceiver::all(void* data, std::size_t size_bytes) {
  char* at = static_cast<char*>(data);
  while (size_bytes > 0) {
    const ssize_t n = ::read(fd_, at, size_bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw StreamEnded{};
    at += n;
    size_bytes -= static_cast<std::size_t>(n);
  }
}

std::uint64_t ProcessReceiver::tagged(char tag) {
  char found = 0;
  std::uint64_t value = 0;
  all(&found, 1);
  all(&value, sizeof value);
  if (found == kError && tag != kError) {
    if (value > static_cast<std::uint64_t>(Kind::kInternal)) throw StreamEnded{};
    Error error(static_cast<Kind>(value), text());
    error.set_hint(text());
    for (std::uint64_t places = count(100); places > 0; --places) error.add_place(text());
    throw error;
  }
  if (found != tag) throw StreamEnded{};
  return value;
}

std::size_t ProcessReceiver::size_of(char tag, std::size_t element_bytes) {
  const std::uint64_t elements = tagged(tag);
  if (elements > left_bytes_ / element_bytes) throw StreamEnded{};
  left_bytes_ -= elements * element_bytes;
  return static_cast<std::size_t>(elements);
}

std::uint64_t ProcessReceiver::number() { return tagged(kNumber); }
std::uint64_t ProcessReceiver::count(std::uint64_t limit) {
  const std::uint64_t value = number();
  if (value > limit) throw StreamEnded{};
  return value;
}
std::string ProcessReceiver::text() {
  std::string value(size_of(kText, 1), '\0');
  all(value.data(), value.size());
  return value;
}
std::vector<float> ProcessReceiver::floats() {
  std::vector<float> values(size_of(kFloats, sizeof(float)));
  all(values.data(), values.size() * sizeof(float));
  return values;
}

void allow_cpu_seconds(unsigned seconds) {
  struct rusage used {};
  ::getrusage(RUSAGE_SELF, &used);
  const auto microseconds = [](const timeval& time) {
    return static_cast<rlim_t>(time.tv_sec) * 1'000'000 + static_cast<rlim_t>(time.tv_usec);
  };
  const rlim_t so_far = microseconds(used.ru_utime) + microseconds(used.ru_stime);
  limit(RLIMIT_CPU, (so_far + 999'999) / 1'000'000 + seconds);
}

struct OwnProcess::State {
  State(std::string subject, std::uint64_t most_bytes)
      : what(std::move(subject)), received_bytes(most_bytes) {}

  std::string what;
  std::uint64_t received_bytes;
  Child running;
  Descriptor from;  // closed when nothing more can be received; and before the child is waited for
};

OwnProcess::OwnProcess(const ProcessLimits& limits, std::string what,
                       const std::function<void(ProcessSender&)>& child) {
  // One start at a time: a child that was forked while another's pipe is being made would keep that pipe's
  // end for writing, and its reader would wait for a dead child. The ends for reading are kept by children
  // that start later, so of several the last always notices that the parent has died, and then the one before
  // it.
  static std::mutex starting;
  const std::lock_guard lock(starting);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw Error(Kind::kEnvironment, fmt::format("cannot make a pipe: {}", std::strerror(errno)),
                "raise the limit of open files");
  Descriptor from(above_standard(ends[0]));
  Descriptor to(above_standard(ends[1]));
  if (from.get() < 0 || to.get() < 0)
    throw Error(Kind::kEnvironment, "cannot make a pipe: too many open files",
                "raise the limit of open files");
  state_ = std::make_unique<State>(std::move(what), limits.received_bytes);
  const std::uint64_t own_bytes = address_space_bytes();
  const pid_t pid = ::fork();
  if (pid < 0)
    throw Error(Kind::kEnvironment, fmt::format("cannot start a process: {}", std::strerror(errno)));
  if (pid == 0) {
    from.close();  // else the child would wait for itself to read, once nobody else does
    settle_in(limits, own_bytes);
    run_child(to.get(), child);
  }
  state_->from = std::move(from);
  state_->running = Child(pid);
}

OwnProcess::~OwnProcess() = default;

void OwnProcess::receive(const std::function<void(ProcessReceiver&)>& parent) {
  if (state_->from.get() < 0)
    throw Error(Kind::kInternal,
                fmt::format("the process of {} is asked again after it failed", state_->what));
  ProcessReceiver receiver(state_->from.get(), state_->received_bytes);
  try {
    parent(receiver);
  } catch (const StreamEnded&) {
    state_->from.close();  // if the child is only talking nonsense, this ends it
    report_death(state_->running.wait(), state_->what);
  } catch (...) {
    state_->from.close();
    throw;
  }
}

void run_in_own_process(const ProcessLimits& limits, std::string_view what,
                        const std::function<void(ProcessSender&)>& child,
                        const std::function<void(ProcessReceiver&)>& parent) {
  OwnProcess(limits, std::string(what), child).receive(parent);
}

}  // namespace etalon
