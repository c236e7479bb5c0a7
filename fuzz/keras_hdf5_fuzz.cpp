// Any answer but a model or an Error is a fault.
//
// The HDF5 library works in a process of its own, where the fuzzer sees nothing, and it crashes by itself on damaged
// files. So an input that starts like an HDF5 file goes the whole way, and a search does so with few of them, as each
// costs a fork; every other input is text for the part that is ours, in this process: model_config, the graph's check
// and the owners of the weights.
//
//   {"class_name": "Model", ...}     first line: model_config
//   conv1                            a layer that the file lists, then its weights after a tab:
//   <tab>conv1/kernel:0<tab>23       name, and one digit an axis
//   <tab>conv1/bias:0<tab>n          'n' makes the values NaN
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "etalon/base/error.hpp"
#include "etalon/formats/keras_hdf5/keras_model.hpp"
#include "etalon/formats/keras_hdf5/saved_file.hpp"

namespace {

constexpr std::size_t kMostValues = 64;

// Of the whole files, the one in so many that is read: each when the corpus is replayed. The first always, so that a
// search's finding can be run again by itself.
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
constexpr unsigned kFilesPerRead = 64;
#else
constexpr unsigned kFilesPerRead = 1;
#endif

std::string_view cut_at(std::string_view& text, char end) {
  const std::size_t size = std::min(text.find(end), text.size());
  const std::string_view part = text.substr(0, size);
  text.remove_prefix(std::min(size + 1, text.size()));
  return part;
}

etalon::KerasWeight weight_from(std::string_view line) {
  etalon::KerasWeight weight;
  weight.name = cut_at(line, '\t');
  float value = 0.5F;
  std::size_t count = 1;
  for (const char c : line) {
    if (c == 'n') value = std::numeric_limits<float>::quiet_NaN();
    if (c < '0' || c > '9' || count * static_cast<std::size_t>(c - '0') > kMostValues) continue;
    count *= static_cast<std::size_t>(c - '0');
    weight.shape.push_back(c - '0');
  }
  weight.values.assign(count, value);
  return weight;
}

etalon::SavedFile saved_file_from(std::string_view text) {
  etalon::SavedFile file;
  file.model_config = cut_at(text, '\n');
  while (!text.empty()) {
    const std::string_view line = cut_at(text, '\n');
    if (!line.starts_with('\t')) {
      file.layers.push_back({std::string(line), {}});
    } else if (!file.layers.empty()) {
      file.layers.back().weights.push_back(weight_from(line.substr(1)));
    }
  }
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const etalon::ByteView bytes = std::as_bytes(std::span(data, size));
  static unsigned files = 0;
  try {
    if (etalon::looks_like_hdf5(bytes)) {
      if (files++ % kFilesPerRead == 0) etalon::read_keras_hdf5(bytes);
    } else {
      etalon::model_from(saved_file_from(etalon::as_text(bytes)));
    }
  } catch (const etalon::Error&) {
  }
  return 0;
}
