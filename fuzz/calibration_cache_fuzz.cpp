// Text of a calibration cache: what can be read is written in one form, which reads back as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "etalon/base/error.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  etalon::CalibrationCache cache;
  try {
    cache = etalon::parse_calibration_cache(etalon::as_text(std::as_bytes(std::span(data, size))));
  } catch (const etalon::Error&) {
    return 0;
  }
  const std::string written =
      etalon::format_calibration_cache(cache);  // may not fail: all of it came from a file
  if (etalon::format_calibration_cache(etalon::parse_calibration_cache(written)) != written) std::abort();
  if (!etalon::looks_like_calibration_cache(etalon::as_bytes(written))) std::abort();
  return 0;
}
