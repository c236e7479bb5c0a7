// TensorRT's INT8 calibration cache: a text of a header and a line a tensor.
//
//   TRT-8601-EntropyCalibration2
//   input_1: 3c010a14
//
// The hexadecimal number holds the bits of the tensor's scale = range / 127 as a float32: eight lower-case
// digits. docs/formats/calibration_cache.md has the evidence.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/base/bytes.hpp"

namespace etalon {

struct TensorRtVersion {
  int major = 8, minor = 6, patch = 1;
  bool operator==(const TensorRtVersion&) const = default;
  // 8.6.1 -> 8601, 10.3.0 -> 100300 (the rule changed with version 10).
  int number() const;
};
// The first TensorRT that reads no calibration cache any more.
inline constexpr int kFirstTensorRtWithoutCaches = 11;

// "8.6.1", "10.3" (patch 0). Error(kWrongUsage) otherwise.
TensorRtVersion parse_tensorrt_version(std::string_view text);

inline constexpr float kInt8Steps = 127.0F;  // TensorRT's INT8 is symmetric: -128 is not used

// A tensor's name without the trailing ":0" of TensorFlow's spelling.
std::string_view without_index(std::string_view tensor);

struct CacheLine {
  std::string tensor;
  float scale;  // real value per INT8 step; finite; 0 only for a tensor that was 0 in all data: it has no
                // INT8 form
  float range() const { return scale * kInt8Steps; }
};

struct CalibrationCache {
  std::string header;  // the first line as it stands, e.g. "TRT-8601-EntropyCalibration2"
  std::vector<CacheLine> lines;

  // The line of `tensor`, its name taken with or without a trailing ":0".
  // Looks at every line: for many tensors take by_tensor().
  const CacheLine* find(std::string_view tensor) const;

  // The lines by name without a trailing ":0", valid as long as `lines` is not changed. Of two lines that
  // differ in
  // ":0" only, it has the one without.
  std::map<std::string, const CacheLine*> by_tensor() const;
};

// "TRT-8601-EntropyCalibration2". The word says which reader takes the table, not how its ranges were chosen:
// trtexec, DeepStream and TAO all read as IInt8EntropyCalibrator2 and pass over a table that says otherwise.
std::string cache_header(const TensorRtVersion& version);

// Accepts every real table: CRLF or LF, blank lines at the end, names with ": " inside (a line is cut at its
// last
// ": "), fewer than eight digits (some writers do not pad). Errors (kBadInput) name the line number: no
// header of that kind, a line without a number, a scale that is negative, infinite or NaN, a name twice.
CalibrationCache parse_calibration_cache(std::string_view text);

// The same from a file; errors name it.
CalibrationCache read_calibration_cache(const std::filesystem::path& path);

// LF, eight digits, no blank lines; parse(format(x)) == x. Error (kBadInput): a name with a line break, a
// wrong scale.
std::string format_calibration_cache(const CalibrationCache& cache);

bool looks_like_calibration_cache(ByteView head);

}  // namespace etalon
