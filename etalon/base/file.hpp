// Reading whole files, and writing files that appear whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/base/bytes.hpp"

namespace etalon {

// A path for a message: 'folder/file', fit for a terminal (error.hpp, `escaped`).
std::string quoted(const std::filesystem::path& path);

// A file's content. Errors (kBadInput, the path named): missing, a folder, not readable, larger than
// `limit_bytes`. An error of the device is kEnvironment.
Bytes read_file(const std::filesystem::path& path, std::uint64_t limit_bytes = std::uint64_t{8} << 30);

// A file's content where it lies, for models of hundreds of MB: memory for a copy would take longer to get
// than the file to read, and count a second time. Errors as read_file. If somebody cuts the file off
// meanwhile, looking at what is gone ends the program (SIGBUS), as with every mapped file; replacing it
// (rename) does no harm.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path, std::uint64_t limit_bytes = std::uint64_t{8} << 30);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  ByteView bytes() const { return bytes_; }  // as long as this lives

 private:
  Bytes copy_;  // where the file system cannot map
  ByteView bytes_;
};

// The first bytes of a file, at most `count`; fewer when the file is shorter. Errors as read_file.
Bytes read_file_head(const std::filesystem::path& path, std::size_t count);

// A file that is read piece by piece.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path);  // errors as read_file
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  std::uint64_t size_bytes() const { return size_bytes_; }  // when it was opened
  // Fills `into`; returns fewer bytes than asked for only at the file's end.
  std::size_t read(std::span<std::byte> into);  // from where the last read ended, at first from the begin
  // From `offset` on; the other reads go on where they were.
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> into) const;

 private:
  std::filesystem::path path_;
  int descriptor_;
  std::uint64_t size_bytes_;
};

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
// nothing of them can be seen, and if the process is killed nothing remains: the bytes are in a file without
// a name (O_TMPFILE), and missing folders are made by commit(). Where the file system has no O_TMPFILE, or
// /proc is not there to name such a file through, a hidden file beside the target and its folder are made at
// once; the destructor removes them, a killed process leaves them.
//
//   OutputFiles outputs;
//   outputs.protect("in/m.hdf5");
//   outputs.reserve("out/m.onnx", IfExists::kRefuse);
//   outputs.stage("out/m.onnx", IfExists::kRefuse, 0644, [&](Sink& sink) { write_onnx(model, sink); });
//   outputs.commit();
class OutputFiles {
 public:
  OutputFiles();
  ~OutputFiles();
  OutputFiles(const OutputFiles&) = delete;
  OutputFiles& operator=(const OutputFiles&) = delete;

  // `input` is read by this run: no output may replace it, under whatever name, not even with kReplace. A
  // file that does not exist is ignored.
  void protect(const std::filesystem::path& input);

  // Fails now, before any work is done, if `stage` would later refuse this path. Leaves nothing on the disk.
  // Once for each output: errors as stage, and kWrongUsage for a path that is reserved already.
  void reserve(const std::filesystem::path& path, IfExists if_exists);

  // Errors, path named: kWrongUsage: names a folder or what is no regular file, is staged already, is a
  // protected input; kBadInput: exists already and may not be replaced, lies below something that is no
  // folder; kEnvironment: folder cannot be made, not writable, disk full. `mode`: permission bits, applied as
  // they are for 0600, else through the umask.
  void stage(const std::filesystem::path& path, IfExists if_exists, unsigned mode,
             const std::function<void(Sink&)>& write);
  void stage(const std::filesystem::path& path, IfExists if_exists, unsigned mode, std::string_view text);

  // The same for a writer that opens its file by name, reads in it and goes back and forth (the HDF5
  // library). `write` gets a name that is good until it returns, under which the empty staged file can be
  // opened for reading and writing and be truncated; it must close what it opened, and neither rename nor
  // remove the file. The name means nothing to a user: `write` should not put it into its errors.
  void stage_file(const std::filesystem::path& path, IfExists if_exists, unsigned mode,
                  const std::function<void(const std::filesystem::path& writable)>& write);

  // Gives every staged file its name: the new ones first, then those that may replace. If one cannot have its
  // name, all is as before: new files are taken away again and replaced ones come back, from a hidden hard
  // link kept until the end. Where the old file cannot be hard-linked (vfat, some FUSE), one that was
  // replaced before the failure stays replaced; each file is old or new as a whole even then. What was staged
  // is given up when commit() fails.
  void commit();

  struct Written {
    std::filesystem::path path;
    std::uint64_t size_bytes;
  };
  std::vector<Written> staged() const;          // so far, in the order they were staged
  const std::vector<Written>& written() const;  // by commit()

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace etalon
