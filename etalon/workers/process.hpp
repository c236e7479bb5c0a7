// A child process: bytes to its standard input, bytes from its standard output, the end of what it says on
// standard error for messages.
//
//   ChildProcess child({"/usr/bin/python3", "-c", source});
//   ChildAnswer answer = child.exchange({header, payload}, limits);   // answer.exit_status, answer.output
//
// A child that works for long can be listened to meanwhile (ChildWatch): lines of its output as they come,
// and a question several times a second whether to go on.
//
// Started without a shell, in a process group of its own (Ctrl-C is for etalon to handle), with no open file
// of ours but its three. All ends are served at once, so large payloads cannot block one another.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/base/bytes.hpp"

namespace etalon {

struct ChildLimits {
  std::chrono::milliseconds
      time;  // for all of it: beyond, the child is killed and Error(kEnvironment) thrown
  std::uint64_t
      output_bytes;  // the same for more output than this; lines that a ChildWatch took do not count
};

struct ChildAnswer {
  Bytes output;
  std::string error_tail;  // the last lines of standard error, at most 2000 bytes
  int exit_status;         // 128 + signal if a signal ended it
};

// What goes on while the child works. Either may be left out; what one throws ends the child and leaves
// exchange().
struct ChildWatch {
  // A line of standard output without its end, as soon as it is there; it is not kept. After a line that
  // returns false no more are cut off: the rest of the output, bytes of any kind, is ChildAnswer::output.
  std::function<bool(std::string_view)> line;
  // Called several times a second: for Progress::check, which throws once the user asked to stop.
  std::function<void()> check;
};

class ChildProcess {
 public:
  // argv[0] is a path. Error(kEnvironment): it cannot be started.
  explicit ChildProcess(const std::vector<std::string>& argv);
  ~ChildProcess();  // kills the whole group and reaps, if the child is still there
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Sends all of `input`, closes the child's standard input, and reads until it ends. Once only. A child that
  // does not read its input is no error here.
  ChildAnswer exchange(const std::vector<ByteView>& input, const ChildLimits& limits,
                       const ChildWatch& watch = {});

 private:
  int wait_until(std::chrono::steady_clock::time_point deadline, const ChildLimits& limits,
                 const ChildWatch& watch);
  [[noreturn]] void give_up(const ChildLimits& limits);

  std::string name_;
  pid_t pid_ = -1;
  int input_ = -1, output_ = -1, error_ = -1;
};

}  // namespace etalon
