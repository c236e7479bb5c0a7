// Reading whole files, and writing files that appear whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/base/bytes.hpp"

namespace etalon {

// A file's content. Errors (kBadInput, the path named): missing, a folder, not readable, larger than
// `limit_bytes`. An error of the device is kEnvironment.
Bytes read_file(const std::filesystem::path& path, std::uint64_t limit_bytes = std::uint64_t{8} << 30);

// The first bytes of a file, at most `count`; fewer when the file is shorter. Errors as read_file.
Bytes read_file_head(const std::filesystem::path& path, std::size_t count);

// Refuses (Error kBadInput) what is no regular readable file with at least one byte, or is a Git LFS pointer,
// which stands where a model should. For every reader of models to call first.
void check_is_data_file(const std::filesystem::path& path);

enum class IfExists { kRefuse, kReplace };

// Where the bytes of one output go while it is made.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void write(ByteView bytes) = 0;
  void write(std::string_view text) { write(as_bytes(text)); }
};

// The outputs of one run: staged without a name, then given their names all together by commit(). Before that
// nothing of them can be seen, and if the process is killed nothing remains (O_TMPFILE, where the file system has
// it; elsewhere a hidden file beside the target that the destructor removes). Folders that are missing are made, and
// removed again if the run fails.
//
//   OutputFiles outputs;
//   outputs.stage("out/m.onnx", IfExists::kRefuse, 0644, [&](Sink& sink) { write_onnx(model, sink); });
//   outputs.commit();
class OutputFiles {
 public:
  OutputFiles();
  ~OutputFiles();
  OutputFiles(const OutputFiles&) = delete;
  OutputFiles& operator=(const OutputFiles&) = delete;

  // Errors (kBadInput, path named): exists already and may not be replaced, folder cannot be made; kEnvironment: not
  // writable, disk full. `mode`: permission bits, applied as they are for 0600, else through the umask.
  void stage(const std::filesystem::path& path, IfExists if_exists, unsigned mode, const std::function<void(Sink&)>& write);
  void stage(const std::filesystem::path& path, IfExists if_exists, unsigned mode, std::string_view text);

  // Fails now, before any work is done, if `stage` would later refuse this path; makes the folder.
  void reserve(const std::filesystem::path& path, IfExists if_exists);

  // Gives every staged file its name. If one cannot have it, those that were new are taken away again.
  void commit();

  struct Written {
    std::filesystem::path path;
    std::uint64_t size_bytes;
  };
  const std::vector<Written>& written() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace etalon
