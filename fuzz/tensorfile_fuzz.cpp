// Any answer but batches or an Error is a fault.
//
// The HDF5 library works in a process of its own, where the fuzzer sees nothing, and it crashes by itself on
// damaged files. So an input that starts like an HDF5 file goes the whole way, and a search does so with few
// of them, as each costs forks. Every other input is what that process, corrupted, might answer: ours is to
// believe none of it.
//
//   F and then facts, B and then batches: items as hdf5/own_process.cpp sends them, a kind and 8 bytes, then
//   the content (make_tensorfile_corpus.py makes some)
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>

#include "etalon/base/bytes.hpp"
#include "etalon/base/error.hpp"
#include "etalon/formats/hdf5/own_process.hpp"
#include "etalon/formats/tensorfile/stored_batches.hpp"
#include "etalon/formats/tensorfile/tensorfile_reader.hpp"

namespace {

// Of the whole files, the one in so many that is read: each when the corpus is replayed. The first always, so
// that a search's finding can be run again by itself.
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
constexpr unsigned kFilesPerRead = 64;
#else
constexpr unsigned kFilesPerRead = 1;
#endif

constexpr std::size_t kPipeHolds = 60'000;
constexpr std::uint64_t kMostReceivedBytes = 1 << 20;
constexpr std::uint64_t kMostBatches = 20;

void write_all(int fd, etalon::ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n <= 0) std::abort();
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

// By a name below /proc, which is good in the child too.
void read_file(etalon::ByteView bytes) {
  const int fd = ::memfd_create("tensorfile", 0);
  write_all(fd, bytes);
  const std::filesystem::path path = "/proc/self/fd/" + std::to_string(fd);
  try {
    etalon::looks_like_tensorfile(path);
    const std::uint64_t batches = std::min(etalon::read_tensorfile_facts(path).batches, kMostBatches);
    etalon::TensorfileReader reader(path, 0, batches);
    for (std::uint64_t i = 0; i < batches; ++i) reader.next();
  } catch (const etalon::Error&) {
  }
  ::close(fd);
}

void receive(etalon::ByteView answer) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) std::abort();
  write_all(ends[1], answer.subspan(1, std::min(answer.size() - 1, kPipeHolds)));
  ::close(ends[1]);
  etalon::ProcessReceiver from(ends[0], kMostReceivedBytes);
  try {
    if (answer[0] == std::byte{'F'}) etalon::receive_facts(from);
    while (answer[0] == std::byte{'B'}) etalon::receive_batch(from);
  } catch (const etalon::Error&) {
  } catch (const etalon::StreamEnded&) {
  }
  ::close(ends[0]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const etalon::ByteView bytes = std::as_bytes(std::span(data, size));
  static unsigned files = 0;
  if (etalon::as_text(bytes).starts_with("\x89HDF\r\n\x1a\n")) {
    if (files++ % kFilesPerRead == 0) read_file(bytes);
  } else if (!bytes.empty()) {
    receive(bytes);
  }
  return 0;
}
