// For this room's tests: the folder testdata/, the lines of expected.txt, CRC-32.
#pragma once

#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/base/file.hpp"
#include "etalon/images/image.hpp"

namespace etalon {

inline std::filesystem::path testdata(std::string_view name) {
  return std::filesystem::path(ETALON_IMAGES_TESTDATA) / name;
}

inline Image picture(std::string_view name) { return decode_image(read_file(testdata(name))); }

inline std::uint32_t crc_of(const void* data, std::size_t size_bytes) {
  return static_cast<std::uint32_t>(crc32(0, static_cast<const Bytef*>(data), static_cast<uInt>(size_bytes)));
}
inline std::uint32_t crc_of(const std::vector<std::uint8_t>& bytes) { return crc_of(bytes.data(), bytes.size()); }
inline std::uint32_t crc_of(const std::vector<float>& values) {
  return crc_of(values.data(), values.size() * sizeof(float));
}

// The lines of a text file of testdata/ that begin with `word`, without it; "" gives all but comments.
inline std::vector<std::istringstream> lines_of(std::string_view file, std::string_view word) {
  std::vector<std::istringstream> found;
  std::ifstream in(testdata(file));
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#' || !line.starts_with(word)) continue;
    found.emplace_back(line.substr(word.size()));
  }
  return found;
}

}  // namespace etalon
