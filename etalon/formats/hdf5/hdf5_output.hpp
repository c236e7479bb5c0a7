// A new HDF5 file that is written, and stays in order when the disk is full.
//
//   Hdf5Output output("a.h5");
//   hdf5_written(H5Gcreate2(output.id(), ...));
//   output.check();    // is the disk full?
//   output.finish();
//
// When closing fails, the library (1.10.8) keeps the file's id, without its memory, and crashes at the
// program's end. So it never learns of a write that fails: the first failure is kept here, what follows goes
// nowhere, and check() tells.
#pragma once

#include <hdf5.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "etalon/formats/hdf5/hdf5_file.hpp"

namespace etalon {

// Passes the result on; throws Error(kInternal) if a call gave a negative one: these are not the disk's.
hid_t hdf5_written(hid_t result);

class Hdf5Output {
 public:
  // Made anew, or emptied if it is there; any name that open(2) takes, such as a link below /proc. Superblock
  // 0 and old-style groups, which every reader knows; no time in its root. Error kEnvironment: it cannot be
  // opened.
  explicit Hdf5Output(const std::filesystem::path& path);
  ~Hdf5Output();
  Hdf5Output(const Hdf5Output&) = delete;
  Hdf5Output& operator=(const Hdf5Output&) = delete;

  hid_t id() const { return file_->get(); }
  // Error kEnvironment, with the system's reason, if something could not be written.
  void check() const;
  // Closes, and checks.
  void finish();

 private:
  struct Disk;
  struct Driver;
  std::unique_ptr<Disk> disk_;
  std::optional<Hdf5Id> file_;
};

}  // namespace etalon
