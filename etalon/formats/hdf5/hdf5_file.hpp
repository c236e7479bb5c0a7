// Reading HDF5 files that may be hostile. (Writing: hdf5_output.hpp. The library is known in this room only.)
//
//   Hdf5File file(path);
//   std::vector<std::string> names = file.root().group("model_weights").text_list("layer_names").value();
//   FloatArray kernel = file.root().group("model_weights/conv1").floats("conv1/kernel:0");
//
// What the library would do and this does not: follow soft, external and user-defined links, read raw data
// from other files (external storage, virtual datasets), load filter plugins, print errors. Sizes are checked
// before anything is allocated: contiguous data cannot be larger than the file, and all data that filters
// unpack is at most 1100 times the file. The library is not thread safe, and damaged files crash it: use this
// in own_process.hpp only.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "etalon/base/bytes.hpp"
#include "etalon/formats/float_array.hpp"

namespace etalon {

// Closes an HDF5 id when it goes.
class Hdf5Id {
 public:
  using Close = herr_t (*)(hid_t);
  Hdf5Id(hid_t id, Close how) : id_(id), close_(how) {}
  Hdf5Id(Hdf5Id&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Hdf5Id& operator=(Hdf5Id&&) = delete;
  ~Hdf5Id() { close(); }
  hid_t get() const { return id_; }
  // Earlier, for a writer that must know whether it went well: negative if not.
  herr_t close() {
    const hid_t id = std::exchange(id_, H5I_INVALID_HID);
    return id >= 0 ? close_(id) : 0;
  }

 private:
  hid_t id_;
  Close close_;
};

// A dataset of floats, from its description alone.
struct FloatsFacts {
  std::vector<std::int64_t> shape;  // at most 2^31 elements
  std::string element_type;         // "float16", "float32", "float64"
  std::string storage;  // "contiguous", "compact", or what unpacks it: "shuffle, gzip 4, chunks 1x1x24x80"
};

struct Hdf5Opened;  // the file and how much may still be taken out of it

class Hdf5Group {
 public:
  // A scalar (or one-element) string attribute of any HDF5 string kind; nullopt: there is none of that name.
  std::optional<std::string> text(std::string_view attribute) const;

  // A scalar (or one-element) attribute of any type of whole numbers; nullopt: there is none of that name.
  std::optional<std::int64_t> integer(std::string_view attribute) const;

  // A list of strings; of any other element type only if it has no elements (h5py writes an empty list as
  // float64). Keras splits a list that is too long for one attribute into name0, name1, ...: these are joined
  // again.
  std::optional<std::vector<std::string>> text_list(std::string_view attribute) const;

  bool has(std::string_view child) const;
  std::vector<std::string> children() const;  // sorted by name

  // `path` may hold slashes. Errors (kBadInput, the path named): missing, of another kind, a link out of its
  // place.
  Hdf5Group group(std::string_view path) const;

  // A dataset of 16, 32 or 64 bit IEEE floats, as float32. Errors: another type (kUnsupported), a filter that
  // this HDF5 lacks (kUnsupported), sizes that the file cannot hold, missing chunks, damaged data.
  FloatArray floats(std::string_view path) const;

  // floats() outside of what all the file's data may be together: for a stream, whose reader drops one
  // dataset before it takes the next and has looked at the facts before.
  FloatArray streamed_floats(std::string_view path) const;

  // Errors as floats(), but those of the data.
  FloatsFacts floats_facts(std::string_view path) const;

 private:
  friend class Hdf5File;
  Hdf5Group(std::shared_ptr<Hdf5Opened> file, Hdf5Id id) : file_(std::move(file)), id_(std::move(id)) {}
  Hdf5Id open(std::string_view path, H5I_type_t wanted) const;
  std::optional<Hdf5Id> open_attribute(const std::string& name) const;
  template <class Read>
  auto read(std::string_view path, Read&& from) const;

  std::shared_ptr<Hdf5Opened> file_;
  Hdf5Id id_;
};

class Hdf5File {
 public:
  // Errors: not HDF5, cut off, damaged (kBadInput).
  explicit Hdf5File(const std::filesystem::path& path);
  // Read in place: `bytes` must outlive the file and everything taken from it.
  explicit Hdf5File(ByteView bytes);

  Hdf5Group root() const;

 private:
  std::shared_ptr<Hdf5Opened> file_;
};

// How much data etalon is ready to unpack out of chunks of a file of this size, filters or not.
std::uint64_t hdf5_most_unpacked_bytes(std::uint64_t file_size_bytes);

// How much the floats() of a file of this size can be together, as float32.
std::uint64_t hdf5_most_float_bytes(std::uint64_t file_size_bytes);

bool looks_like_hdf5(ByteView head);  // told to the outside by keras_model.hpp

}  // namespace etalon
