#include "etalon/base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

std::string quoted(const fs::path& path) { return "'" + escaped(path.string()) + "'"; }

[[noreturn]] void refuse(Kind kind, const std::string& doing, const fs::path& path, int error_number, std::string hint = {}) {
  throw Error(kind, fmt::format("cannot {} {}: {}", doing, quoted(path), std::strerror(error_number)), std::move(hint));
}

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  int get() const { return fd_; }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

Descriptor open_for_reading(const fs::path& path) {
  // O_NONBLOCK: a pipe or a device given as a model must not hang the program.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) refuse(Kind::kBadInput, "read", path, errno);
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) refuse(Kind::kEnvironment, "read", path, errno);
  if (S_ISDIR(facts.st_mode)) throw Error(Kind::kBadInput, fmt::format("{} is a folder, expected a file", quoted(path)));
  if (!S_ISREG(facts.st_mode)) throw Error(Kind::kBadInput, fmt::format("{} is not a regular file", quoted(path)));
  return file;
}

Bytes read_up_to(const Descriptor& file, const fs::path& path, std::uint64_t count) {
  Bytes bytes(static_cast<std::size_t>(count));
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t n = ::read(file.get(), bytes.data() + have, bytes.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) refuse(Kind::kEnvironment, "read", path, errno);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  bytes.resize(have);
  return bytes;
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

bool name_is_taken(const fs::path& path) {
  struct stat facts {};
  return ::lstat(path.c_str(), &facts) == 0;
}

[[noreturn]] void refuse_existing(const fs::path& path) {
  throw Error(Kind::kBadInput, fmt::format("output {} exists already", quoted(path)), "give another name, remove it, or add --force");
}

class FileSink final : public Sink {
 public:
  FileSink(int fd, const fs::path& path) : fd_(fd), path_(path) { buffer_.reserve(kBufferBytes); }

  void write(ByteView bytes) override {
    size_bytes_ += bytes.size();
    if (buffer_.size() + bytes.size() <= kBufferBytes) {
      buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
      return;
    }
    flush();
    if (bytes.size() <= kBufferBytes) {
      buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    } else {
      to_disk(bytes);
    }
  }
  void flush() {
    to_disk(buffer_);
    buffer_.clear();
  }
  std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  static constexpr std::size_t kBufferBytes = 256 * 1024;

  void to_disk(ByteView bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) refuse(Kind::kEnvironment, "write", path_, errno, errno == ENOSPC ? "free some space or give another folder" : "");
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }

  int fd_;
  const fs::path& path_;
  Bytes buffer_;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace

Bytes read_file(const fs::path& path, std::uint64_t limit_bytes) {
  const Descriptor file = open_for_reading(path);
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) refuse(Kind::kEnvironment, "read", path, errno);
  const auto size_bytes = static_cast<std::uint64_t>(facts.st_size);
  if (size_bytes > limit_bytes)
    throw Error(Kind::kBadInput, fmt::format("{} has {} bytes, expected at most {}", quoted(path), size_bytes, limit_bytes));
  return read_up_to(file, path, size_bytes);
}

Bytes read_file_head(const fs::path& path, std::size_t count) { return read_up_to(open_for_reading(path), path, count); }

void check_is_data_file(const fs::path& path) {
  const Bytes head = read_file_head(path, 64);
  if (head.empty()) throw Error(Kind::kBadInput, fmt::format("{} is empty", quoted(path)));
  if (as_text(head).starts_with("version https://git-lfs.github.com/spec"))
    throw Error(Kind::kBadInput, fmt::format("{} is a Git LFS pointer, not the file itself", quoted(path)), "fetch it with `git lfs pull`");
}

struct OutputFiles::State {
  struct Staged {
    fs::path path;
    IfExists if_exists;
    Descriptor file;
    fs::path hidden_name;  // empty: the file has no name yet (O_TMPFILE)
    std::uint64_t size_bytes;
  };
  std::vector<Staged> staged;
  std::vector<fs::path> made_folders;  // outermost first
  std::vector<Written> written;
  unsigned hidden_count = 0;

  void make_folder(const fs::path& folder) {
    std::vector<fs::path> missing;
    for (fs::path at = folder; !at.empty() && !name_is_taken(at); at = at.parent_path()) {
      missing.push_back(at);
      if (at == at.root_path()) break;
    }
    std::for_each(missing.rbegin(), missing.rend(), [&](const fs::path& at) {
      if (at.filename().empty()) return;  // "a/b/" names b twice
      if (::mkdir(at.c_str(), 0777) == 0) {
        made_folders.push_back(at);
      } else if (errno != EEXIST) {
        refuse(Kind::kEnvironment, "make the folder", at, errno);
      }
    });
    struct stat facts {};
    if (::stat(folder.c_str(), &facts) != 0) refuse(Kind::kEnvironment, "use the folder", folder, errno);
    if (!S_ISDIR(facts.st_mode)) throw Error(Kind::kBadInput, fmt::format("{} is not a folder", quoted(folder)));
  }

  fs::path hidden_beside(const fs::path& path) {
    return folder_of(path) / fmt::format(".{}.{}.{}", path.filename().string(), ::getpid(), hidden_count++);
  }

  // Gives `from` the name `to`; false if the name is taken and may not be replaced.
  bool give_name(Staged& file) {
    // linkat never replaces: for an existing name the file gets a hidden one first, and rename swaps them.
    const auto link = [&](const fs::path& to) {
      if (!file.hidden_name.empty()) return ::link(file.hidden_name.c_str(), to.c_str());
      const std::string handle = fmt::format("/proc/self/fd/{}", file.file.get());
      return ::linkat(AT_FDCWD, handle.c_str(), AT_FDCWD, to.c_str(), AT_SYMLINK_FOLLOW);
    };
    if (file.if_exists == IfExists::kRefuse) {
      if (link(file.path) == 0) return true;
      if (errno == EEXIST) return false;
      refuse(Kind::kEnvironment, "write", file.path, errno);
    }
    if (file.hidden_name.empty()) {
      const fs::path hidden = hidden_beside(file.path);
      if (link(hidden) != 0) refuse(Kind::kEnvironment, "write", file.path, errno);
      file.hidden_name = hidden;
    }
    if (::rename(file.hidden_name.c_str(), file.path.c_str()) != 0) refuse(Kind::kEnvironment, "write", file.path, errno);
    file.hidden_name.clear();
    return true;
  }

  void clean() {
    for (const auto& file : staged)
      if (!file.hidden_name.empty()) ::unlink(file.hidden_name.c_str());
    staged.clear();
    std::for_each(made_folders.rbegin(), made_folders.rend(), [](const fs::path& at) { ::rmdir(at.c_str()); });
    made_folders.clear();
  }
};

OutputFiles::OutputFiles() : state_(std::make_unique<State>()) {}
OutputFiles::~OutputFiles() { state_->clean(); }

void OutputFiles::reserve(const fs::path& path, IfExists if_exists) {
  if (!path.has_filename()) throw Error(Kind::kBadInput, fmt::format("output {} names a folder, expected a file", quoted(path)));
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) == 0) {
    if (S_ISDIR(facts.st_mode)) throw Error(Kind::kBadInput, fmt::format("output {} is a folder, expected a file", quoted(path)));
    if (if_exists == IfExists::kRefuse) refuse_existing(path);
  } else if (errno != ENOENT) {
    refuse(Kind::kEnvironment, "write", path, errno);
  }
  const fs::path folder = folder_of(path);
  state_->make_folder(folder);
  if (::access(folder.c_str(), W_OK | X_OK) != 0) refuse(Kind::kEnvironment, "write into the folder", folder, errno);
}

void OutputFiles::stage(const fs::path& path, IfExists if_exists, unsigned mode, const std::function<void(Sink&)>& write) {
  reserve(path, if_exists);
  State::Staged file{path, if_exists, Descriptor(), {}, 0};
  file.file = Descriptor(::open(folder_of(path).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, mode));
  if (file.file.get() < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
    file.hidden_name = state_->hidden_beside(path);
    file.file = Descriptor(::open(file.hidden_name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode));
  }
  if (file.file.get() < 0) refuse(Kind::kEnvironment, "write", path, errno);
  state_->staged.push_back(std::move(file));  // from here on the destructor knows it
  auto& staged = state_->staged.back();
  FileSink sink(staged.file.get(), path);
  write(sink);
  sink.flush();
  staged.size_bytes = sink.size_bytes();
}

void OutputFiles::stage(const fs::path& path, IfExists if_exists, unsigned mode, std::string_view text) {
  stage(path, if_exists, mode, [&](Sink& sink) { sink.write(text); });
}

void OutputFiles::commit() {
  std::vector<fs::path> named;  // new names given so far
  const auto take_back = [&] {
    for (const auto& path : named) ::unlink(path.c_str());
  };
  try {
    for (auto& file : state_->staged) {
      if (!state_->give_name(file)) refuse_existing(file.path);
      if (file.if_exists == IfExists::kRefuse) named.push_back(file.path);
      state_->written.push_back({file.path, file.size_bytes});
    }
  } catch (const Error&) {
    take_back();
    state_->written.clear();
    throw;
  }
  for (const auto& file : state_->staged)
    if (!file.hidden_name.empty()) ::unlink(file.hidden_name.c_str());
  state_->staged.clear();
  state_->made_folders.clear();
}

const std::vector<OutputFiles::Written>& OutputFiles::written() const { return state_->written; }

}  // namespace etalon
