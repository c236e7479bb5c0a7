#include "etalon/base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>  // renameat2
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(Kind kind, const std::string& doing, const fs::path& path, int error_number,
                         std::string hint = {}) {
  throw Error(kind, fmt::format("cannot {} {}: {}", doing, quoted(path), std::strerror(error_number)),
              std::move(hint));
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
  int release() { return std::exchange(fd_, -1); }
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
  if (S_ISDIR(facts.st_mode))
    throw Error(Kind::kBadInput, fmt::format("{} is a folder, expected a file", quoted(path)));
  if (!S_ISREG(facts.st_mode))
    throw Error(Kind::kBadInput, fmt::format("{} is not a regular file", quoted(path)));
  return file;
}

std::uint64_t size_of(const Descriptor& file, const fs::path& path) {
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) refuse(Kind::kEnvironment, "read", path, errno);
  return static_cast<std::uint64_t>(facts.st_size);
}

std::uint64_t checked_size(const Descriptor& file, const fs::path& path, std::uint64_t limit_bytes) {
  const std::uint64_t size_bytes = size_of(file, path);
  if (size_bytes > limit_bytes)
    throw Error(Kind::kBadInput,
                fmt::format("{} has {} bytes, expected at most {}", quoted(path), size_bytes, limit_bytes));
  return size_bytes;
}

// `read`: as ::read, of `count` bytes to `to`, `have` of them being there already.
template <class Read>
std::size_t fill(const fs::path& path, std::span<std::byte> into, Read read) {
  std::size_t have = 0;
  while (have < into.size()) {
    const ssize_t n = read(into.data() + have, into.size() - have, have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) refuse(Kind::kEnvironment, "read", path, errno);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  return have;
}

std::size_t fill(int descriptor, const fs::path& path, std::span<std::byte> into) {
  return fill(path, into,
              [&](std::byte* to, std::size_t count, std::size_t) { return ::read(descriptor, to, count); });
}

Bytes read_up_to(const Descriptor& file, const fs::path& path, std::uint64_t count) {
  Bytes bytes(static_cast<std::size_t>(count));
  bytes.resize(fill(file.get(), path, bytes));
  return bytes;
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

bool name_is_taken(const fs::path& path) {
  struct stat facts {};
  return ::lstat(path.c_str(), &facts) == 0;
}

[[noreturn]] void refuse_existing(const fs::path& path) {
  throw Error(Kind::kBadInput, fmt::format("output {} exists already", quoted(path)),
              "give another name, remove it, or add --force");
}

[[noreturn]] void refuse_second(const fs::path& path) {
  throw Error(Kind::kWrongUsage, fmt::format("two outputs have the same name {}", quoted(path)),
              "give another name to one");
}

// A name as the outputs of one run are told apart: "a", "./a" and "b/../a" are one.
fs::path comparable(const fs::path& path) {
  std::error_code error;
  const fs::path folder = fs::weakly_canonical(fs::absolute(folder_of(path), error), error);
  return error ? path.lexically_normal() : folder / path.filename();
}

fs::path nearest_existing(fs::path folder) {
  while (!folder.empty() && !name_is_taken(folder)) folder = folder.parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

// Where /proc names a file that has no name: the way to give it one without privileges (open(2), O_TMPFILE).
std::string handle_of(const Descriptor& file) { return fmt::format("/proc/self/fd/{}", file.get()); }

// rename() that does not replace. Sets errno EEXIST if the name is taken.
int rename_to_new(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
  // This file system or kernel cannot do it in one step.
  if (name_is_taken(to)) {
    errno = EEXIST;
    return -1;
  }
  return ::rename(from.c_str(), to.c_str());
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
      if (n < 0)
        refuse(Kind::kEnvironment, "write", path_, errno,
               errno == ENOSPC ? "free some space or give another folder" : "");
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }

  int fd_;
  const fs::path& path_;
  Bytes buffer_;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace

std::string quoted(const fs::path& path) { return "'" + escaped(path.string()) + "'"; }

Bytes read_file(const fs::path& path, std::uint64_t limit_bytes) {
  const Descriptor file = open_for_reading(path);
  return read_up_to(file, path, checked_size(file, path, limit_bytes));
}

MappedFile::MappedFile(const fs::path& path, std::uint64_t limit_bytes) {
  const Descriptor file = open_for_reading(path);
  const auto size = static_cast<std::size_t>(checked_size(file, path, limit_bytes));
  if (size == 0) return;
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapped == MAP_FAILED) {
    copy_ = read_up_to(file, path, size);
    bytes_ = copy_;
  } else {
    bytes_ = {static_cast<const std::byte*>(mapped), size};
  }
}

MappedFile::~MappedFile() {
  if (copy_.empty() && !bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

Bytes read_file_head(const fs::path& path, std::size_t count) {
  return read_up_to(open_for_reading(path), path, count);
}

InputFile::InputFile(const fs::path& path) : path_(path) {
  Descriptor file = open_for_reading(path);
  size_bytes_ = size_of(file, path);
  descriptor_ = file.release();
}

InputFile::~InputFile() { ::close(descriptor_); }

std::size_t InputFile::read(std::span<std::byte> into) { return fill(descriptor_, path_, into); }

std::size_t InputFile::read_at(std::uint64_t offset, std::span<std::byte> into) const {
  if (offset > size_bytes_) return 0;
  return fill(path_, into, [&](std::byte* to, std::size_t count, std::size_t have) {
    return ::pread(descriptor_, to, count, static_cast<off_t>(offset + have));
  });
}

void check_is_data_file(const fs::path& path) {
  const Bytes head = read_file_head(path, 64);
  if (head.empty()) throw Error(Kind::kBadInput, fmt::format("{} is empty", quoted(path)));
  if (as_text(head).starts_with("version https://git-lfs.github.com/spec"))
    throw Error(Kind::kBadInput, fmt::format("{} is a Git LFS pointer, not the file itself", quoted(path)),
                "fetch it with `git lfs pull`");
}

struct OutputFiles::State {
  struct Staged {
    fs::path path;
    fs::path comparable_path;
    IfExists if_exists;
    Descriptor file;
    fs::path hidden_name;  // empty: the file has no name yet (O_TMPFILE), or has its own
    std::uint64_t size_bytes = 0;
    // Known in commit():
    fs::path
        old_file;  // a hidden hard link of the file that is replaced; empty: none, or it cannot be linked
    bool replaces = false;
    bool has_its_name = false;
  };
  struct FileId {
    dev_t device;
    ino_t inode;
  };
  std::vector<FileId> inputs;
  std::vector<fs::path> reserved;  // comparable
  std::vector<Staged> staged;
  std::vector<fs::path> made_folders;  // outermost first
  std::vector<Written> written;
  unsigned hidden_count = 0;

  bool is_staged(const fs::path& comparable_path) const {
    return std::any_of(staged.begin(), staged.end(),
                       [&](const Staged& file) { return file.comparable_path == comparable_path; });
  }

  bool is_input(const struct stat& facts) const {
    return std::any_of(inputs.begin(), inputs.end(), [&](const FileId& input) {
      return input.device == facts.st_dev && input.inode == facts.st_ino;
    });
  }

  // What both reserve and stage ask of a path.
  void check(const fs::path& path, IfExists if_exists) {
    const fs::path name = path.filename();
    struct stat facts {};
    const bool leads_somewhere = ::stat(path.c_str(), &facts) == 0;
    if (name.empty() || name == "." || name == ".." || (leads_somewhere && S_ISDIR(facts.st_mode)))
      throw Error(Kind::kWrongUsage, fmt::format("output {} names a folder, expected a file", quoted(path)));
    if (leads_somewhere && !S_ISREG(facts.st_mode))  // a device, a pipe: --force is for files
      throw Error(Kind::kWrongUsage, fmt::format("output {} is not a regular file", quoted(path)),
                  "give another name");
    if (leads_somewhere && is_input(facts))
      throw Error(Kind::kWrongUsage, fmt::format("output {} is also an input of this run", quoted(path)),
                  "give another name");
    // "missing/../m.onnx" leads nowhere before the folder is made, and to m.onnx afterwards.
    if (!leads_somewhere && ::stat(path.lexically_normal().c_str(), &facts) == 0 && is_input(facts))
      throw Error(Kind::kWrongUsage, fmt::format("output {} is also an input of this run", quoted(path)),
                  "give another name");
    if (::lstat(path.c_str(), &facts) == 0) {
      if (if_exists == IfExists::kRefuse) refuse_existing(path);
    } else if (errno != ENOENT) {
      refuse(errno == ENOTDIR ? Kind::kBadInput : Kind::kEnvironment, "write", path, errno);
    }
    try_folder(folder_of(path));
  }

  void make_folder(const fs::path& folder) {
    std::vector<fs::path> missing;
    for (fs::path at = folder; !at.empty() && !name_is_taken(at); at = at.parent_path()) {
      missing.push_back(at);
      if (at == at.root_path()) break;
    }
    std::for_each(missing.rbegin(), missing.rend(), [&](const fs::path& at) {
      if (at.filename().empty()) return;  // "a/b/" names b twice
      made_folders.push_back(at);
      if (::mkdir(at.c_str(), 0777) == 0) return;
      const int error_number = errno;
      made_folders.pop_back();
      if (error_number != EEXIST) refuse(Kind::kEnvironment, "make the folder", at, error_number);
    });
    struct stat facts {};
    if (::stat(folder.c_str(), &facts) != 0) refuse(Kind::kEnvironment, "use the folder", folder, errno);
    if (!S_ISDIR(facts.st_mode))
      throw Error(Kind::kBadInput, fmt::format("{} is not a folder", quoted(folder)));
  }

  void remove_folders(std::size_t keep) {
    for (; made_folders.size() > keep; made_folders.pop_back()) ::rmdir(made_folders.back().c_str());
  }

  // Makes the folder and removes it again: access() alone promises root a folder in /proc.
  void try_folder(const fs::path& folder) {
    const std::size_t keep = made_folders.size();
    try {
      make_folder(folder);
      if (::access(folder.c_str(), W_OK | X_OK) != 0)
        refuse(Kind::kEnvironment, "write into the folder", folder, errno);
    } catch (...) {
      remove_folders(keep);
      throw;
    }
    remove_folders(keep);
  }

  // A process that was killed may have had our number and left a file: in a container it always has.
  fs::path hidden_beside(const fs::path& path) {
    fs::path hidden;
    do {
      hidden =
          folder_of(path) / fmt::format(".{}.{}.{}", path.filename().string(), ::getpid(), hidden_count++);
    } while (name_is_taken(hidden));
    return hidden;
  }

  void open(Staged& file, unsigned mode) {
    const fs::path& path = file.path;
    // Missing folders will be on the same file system as the one they are made in.
    file.file =
        Descriptor(::open(nearest_existing(folder_of(path)).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, mode));
    if (file.file.get() < 0 && errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
      refuse(Kind::kEnvironment, "write", path, errno);
    if (file.file.get() >= 0 && ::access(handle_of(file.file).c_str(), F_OK) == 0) return;
    make_folder(folder_of(path));
    const fs::path hidden = hidden_beside(path);
    file.file = Descriptor(::open(hidden.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode));
    if (file.file.get() < 0) refuse(Kind::kEnvironment, "write", path, errno);
    file.hidden_name = hidden;
  }

  Staged& begin(const fs::path& path, IfExists if_exists, unsigned mode) {
    check(path, if_exists);
    const fs::path name = comparable(path);
    if (is_staged(name)) refuse_second(path);
    staged.push_back({.path = path,
                      .comparable_path = name,
                      .if_exists = if_exists,
                      .file = Descriptor(),
                      .hidden_name = {},
                      .old_file = {}});
    open(staged.back(), mode);  // known to the destructor before it is on the disk
    return staged.back();
  }

  // Only for a file without a name (O_TMPFILE): where those are, there are hard links.
  int link(const Staged& file, const fs::path& name) {
    return ::linkat(AT_FDCWD, handle_of(file.file).c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW);
  }

  // All that can be done before the first name is given.
  void prepare(Staged& file) {
    make_folder(folder_of(file.path));
    if (file.if_exists == IfExists::kRefuse) return;
    if (file.hidden_name.empty()) {  // link() does not replace, rename() does, and needs a name
      fs::path hidden = hidden_beside(file.path);
      if (link(file, hidden) != 0) refuse(Kind::kEnvironment, "write", file.path, errno);
      file.hidden_name = std::move(hidden);
    }
    file.replaces = name_is_taken(file.path);
    fs::path old_file = hidden_beside(file.path);
    if (file.replaces && ::link(file.path.c_str(), old_file.c_str()) == 0)
      file.old_file = std::move(old_file);
  }

  void give_name(Staged& file) {
    const bool may_replace = file.if_exists == IfExists::kReplace;
    const int result = may_replace                ? ::rename(file.hidden_name.c_str(), file.path.c_str())
                       : file.hidden_name.empty() ? link(file, file.path)
                                                  : rename_to_new(file.hidden_name, file.path);
    if (result != 0 && errno == EEXIST && !may_replace) refuse_existing(file.path);
    if (result != 0) refuse(Kind::kEnvironment, "write", file.path, errno);
    file.hidden_name.clear();
    file.has_its_name = true;
  }

  // Everything as it was before.
  void take_back() {
    for (auto& file : staged) {
      if (file.has_its_name && !file.replaces) ::unlink(file.path.c_str());
      if (file.has_its_name && !file.old_file.empty()) ::rename(file.old_file.c_str(), file.path.c_str());
      if (!file.has_its_name && !file.old_file.empty()) ::unlink(file.old_file.c_str());
      if (!file.hidden_name.empty()) ::unlink(file.hidden_name.c_str());
    }
    staged.clear();
    remove_folders(0);
  }
};

OutputFiles::OutputFiles() : state_(std::make_unique<State>()) {}
OutputFiles::~OutputFiles() { state_->take_back(); }

void OutputFiles::protect(const fs::path& input) {
  struct stat facts {};
  if (::stat(input.c_str(), &facts) == 0) state_->inputs.push_back({facts.st_dev, facts.st_ino});
}

void OutputFiles::reserve(const fs::path& path, IfExists if_exists) {
  state_->check(path, if_exists);
  const fs::path name = comparable(path);
  auto& reserved = state_->reserved;
  if (state_->is_staged(name) || std::find(reserved.begin(), reserved.end(), name) != reserved.end())
    refuse_second(path);
  reserved.push_back(name);
}

void OutputFiles::stage(const fs::path& path, IfExists if_exists, unsigned mode,
                        const std::function<void(Sink&)>& write) {
  auto& staged = state_->begin(path, if_exists, mode);
  FileSink sink(staged.file.get(), path);
  write(sink);
  sink.flush();
  staged.size_bytes = sink.size_bytes();
}

void OutputFiles::stage(const fs::path& path, IfExists if_exists, unsigned mode, std::string_view text) {
  stage(path, if_exists, mode, [&](Sink& sink) { sink.write(text); });
}

void OutputFiles::stage_file(const fs::path& path, IfExists if_exists, unsigned mode,
                             const std::function<void(const fs::path&)>& write) {
  auto& staged = state_->begin(path, if_exists, mode);
  write(staged.hidden_name.empty() ? fs::path(handle_of(staged.file)) : staged.hidden_name);
  struct stat facts {};
  if (::fstat(staged.file.get(), &facts) != 0) refuse(Kind::kEnvironment, "write", path, errno);
  staged.size_bytes = static_cast<std::uint64_t>(facts.st_size);
}

void OutputFiles::commit() {
  auto& staged = state_->staged;
  std::vector<Written> written = this->staged();
  try {
    for (auto& file : staged) state_->prepare(file);
    // New names are the likelier to fail, and are simply taken back.
    for (const IfExists kind : {IfExists::kRefuse, IfExists::kReplace})
      for (auto& file : staged)
        if (file.if_exists == kind) state_->give_name(file);
  } catch (...) {
    state_->take_back();
    throw;
  }
  for (const auto& file : staged)
    if (!file.old_file.empty()) ::unlink(file.old_file.c_str());
  staged.clear();
  state_->reserved.clear();
  state_->made_folders.clear();
  state_->written = std::move(written);
}

std::vector<OutputFiles::Written> OutputFiles::staged() const {
  std::vector<Written> staged;
  for (const auto& file : state_->staged) staged.push_back({file.path, file.size_bytes});
  return staged;
}

const std::vector<OutputFiles::Written>& OutputFiles::written() const { return state_->written; }

}  // namespace etalon
