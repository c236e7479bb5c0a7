// Calibration statistics: what can be read is written as the same bytes again. The input stands without its
// checksum, which no search would find; it is added here.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "etalon/base/crc32c.hpp"
#include "etalon/base/error.hpp"
#include "etalon/formats/statistics_file/statistics_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::uint32_t crc = etalon::crc32c(etalon::as_bytes(bytes));
  for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(crc >> shift));
  etalon::StatisticsFile file;
  try {
    file = etalon::parse_statistics(etalon::as_bytes(bytes));
  } catch (const etalon::Error&) {
    return 0;
  }
  // May not fail: all of it came from a file.
  if (etalon::format_statistics(file) != bytes) std::abort();
  if (!etalon::looks_like_statistics(etalon::as_bytes(bytes))) std::abort();
  return 0;
}
