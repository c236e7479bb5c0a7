// Runs a reader in a process of its own, because the HDF5 library (1.10.8) crashes on damaged files: one
// flipped byte in testdata/plain.hdf5 is enough. The child is a fork of this program; what it reads comes
// back through a pipe, an Error of the child is thrown here, and its death by a signal becomes an Error too.
//
//   run_in_own_process(limits, "the library", [&](ProcessSender& to) { to.text(name); to.floats(values); },
//                      [&](ProcessReceiver& from) { name = from.text(); values = from.floats(); });
//
// An OwnProcess stays between its answers: a reader of a long file hands over one part after the other.
//
//   OwnProcess process(limits, "the library", [&](ProcessSender& to) { for (...) to.floats(next_part()); });
//   process.receive([&](ProcessReceiver& from) { values = from.floats(); });   // again and again
//
// The child may use memory and threads' leftovers as glibc allows after fork(): malloc works, other threads
// are gone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/base/error.hpp"

namespace etalon {

class ProcessSender {
 public:
  explicit ProcessSender(int fd) : fd_(fd) {}
  void number(std::uint64_t value);
  void text(std::string_view value);
  void floats(const std::vector<float>& values);
  void error(const Error& error);

 private:
  void all(const void* data, std::size_t size_bytes);
  void tagged(char tag, std::uint64_t value);
  int fd_;
};

// What the receiver throws when the answer is not what was expected, or is over. Outside of receive(), which
// makes an Error of it, only a test sees it.
struct StreamEnded {};

// Takes items in the order in which they were sent. The child may have been corrupted by its input, so what
// comes is checked: kinds, and the sum of all sizes against a limit.
class ProcessReceiver {
 public:
  ProcessReceiver(int fd, std::uint64_t limit_bytes) : fd_(fd), left_bytes_(limit_bytes) {}
  std::uint64_t number();
  std::uint64_t count(std::uint64_t limit);  // a number that is at most `limit`
  std::string text();
  std::vector<float> floats();

 private:
  std::uint64_t tagged(char tag);
  std::size_t size_of(char tag, std::size_t element_bytes);
  void all(void* data, std::size_t size_bytes);
  int fd_;
  std::uint64_t left_bytes_;
};

struct ProcessLimits {
  std::uint64_t received_bytes;  // what the receiver takes at most, in one receive()
  std::uint64_t memory_bytes;    // what the child may allocate, beyond what this program has
  unsigned cpu_seconds;          // a loop without end stops here
};

// In the child only: its limit of time is from now on this much more than it has used up. For a reader of
// many parts, each of which has its limit.
void allow_cpu_seconds(unsigned seconds);

// The child starts at once and works ahead until the pipe is full: then it waits for receive(). It ends when
// the parent does, however that dies, and with this object. Its memory is a copy of the program's from the
// moment of the start, so a program that will hold much starts it early. Used by one thread at a time, which
// may change.
class OwnProcess {
 public:
  // `what` is the subject of the message if the child dies: "the HDF5 library". Error kEnvironment: no
  // process.
  OwnProcess(const ProcessLimits& limits, std::string what, const std::function<void(ProcessSender&)>& child);
  ~OwnProcess();  // kills the child
  OwnProcess(const OwnProcess&) = delete;
  OwnProcess& operator=(const OwnProcess&) = delete;

  // Takes the next items. Throws the child's Error, or one that says how it died. After any exception,
  // `parent`'s own too, nothing more can be received (kInternal).
  void receive(const std::function<void(ProcessReceiver&)>& parent);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// An OwnProcess that answers once.
void run_in_own_process(const ProcessLimits& limits, std::string_view what,
                        const std::function<void(ProcessSender&)>& child,
                        const std::function<void(ProcessReceiver&)>& parent);

}  // namespace etalon
