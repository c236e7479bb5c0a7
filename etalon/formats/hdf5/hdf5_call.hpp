// Inside formats/hdf5: the reading of attributes and datasets by their ids, and errors out of the library's
// stack.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/formats/hdf5/hdf5_file.hpp"

namespace etalon {

// To be called before anything else of the library.
void hdf5_prepare();

// What the library said last, innermost cause first: "inflate() failed". Clears its stack.
std::string hdf5_reason();

// Throws Error(kBadInput, "cannot read <what>: <reason>") if a call gave a negative result.
void hdf5_check(std::int64_t result, std::string_view what);

// How much data may still be taken out of one file. Hard links can name the same bytes a million times, and a
// filter can unpack 1 KB into 1 MB, so what is taken is counted for the whole file.
class Hdf5Budget {
 public:
  explicit Hdf5Budget(std::uint64_t file_size_bytes);

  // Both throw Error(kBadInput) when the file cannot hold that much.
  void take_plain(std::uint64_t size_bytes);     // contiguous or compact
  void take_unpacked(std::uint64_t size_bytes);  // in chunks, perhaps through filters
  // Throws Error(kUnsupported) when the file's floats together are more than a model can have.
  void take_floats(std::uint64_t elements);

 private:
  std::uint64_t plain_bytes_;
  std::uint64_t unpacked_bytes_;
  std::uint64_t float_bytes_;
};

std::vector<std::string> hdf5_strings(hid_t attribute, std::string_view name);
std::int64_t hdf5_integer(hid_t attribute, std::string_view name);
FloatArray hdf5_floats(hid_t dataset, Hdf5Budget& budget);
FloatsFacts hdf5_floats_facts(hid_t dataset);

}  // namespace etalon
