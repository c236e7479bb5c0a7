#include "etalon/formats/calibration_cache/calibration_cache.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <unordered_map>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"

namespace etalon {
namespace {

// The largest real table has 20 KB.
constexpr std::size_t kMostBytes = std::size_t{64} << 20;
constexpr std::string_view kColon = ": ";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// "TRT-<number>-<algorithm>". Readers differ in which algorithms they take (docs), so any word will do here.
bool is_header(std::string_view line) {
  if (!line.starts_with("TRT-")) return false;
  line.remove_prefix(4);
  const auto dash = static_cast<std::size_t>(std::ranges::find_if_not(line, is_digit) - line.begin());
  if (dash == 0 || dash == line.size() || line[dash] != '-') return false;
  const std::string_view algorithm = line.substr(dash + 1);
  return !algorithm.empty() && std::ranges::all_of(algorithm, is_alphanumeric);
}

struct Line {
  std::string_view text;
  std::size_t number;  // from 1
};

// Cuts off the next line of `text`, its end (LF or CRLF) taken away.
Line next_line(std::string_view& text, std::size_t& number) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return {line, ++number};
}

[[noreturn]] void refuse(const Line& line, std::string problem, std::string hint = {}) {
  Error error(Kind::kBadInput, std::move(problem), std::move(hint));
  error.add_place(fmt::format("line {}", line.number));
  throw error;
}

// Zero stands in real tables: TensorRT 8.0.1 gives it to a constant that is zero throughout.
bool is_scale(float value) { return std::isfinite(value) && !std::signbit(value); }

float scale_from(std::string_view digits, const Line& line) {
  std::uint32_t bits = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, bits, 16);
  if (digits.empty() || digits.size() > 8 || error != std::errc{} || stop != end)
    refuse(line,
           fmt::format("'{}' is not a number of at most eight hexadecimal digits", escaped(digits, 40)));
  const float scale = std::bit_cast<float>(bits);
  if (!is_scale(scale))
    refuse(line,
           fmt::format("the scale {:08x} is {}, expected a finite number that is not negative", bits, scale));
  return scale;
}

CacheLine cache_line(const Line& line) {
  const std::size_t colon = line.text.rfind(kColon);
  if (colon == std::string_view::npos)
    refuse(line, fmt::format("expected '<tensor>: <eight hexadecimal digits>', found '{}'",
                             escaped(line.text, 80)));
  if (colon == 0) refuse(line, "the tensor's name is empty");
  return {std::string(line.text.substr(0, colon)), scale_from(line.text.substr(colon + kColon.size()), line)};
}

}  // namespace

std::string_view without_index(std::string_view tensor) {
  return tensor.ends_with(":0") ? tensor.substr(0, tensor.size() - 2) : tensor;
}

int TensorRtVersion::number() const { return major * (major < 10 ? 1000 : 10000) + minor * 100 + patch; }

TensorRtVersion parse_tensorrt_version(std::string_view text) {
  std::array<int, 3> parts{0, 0, 0};
  std::size_t count = 0;
  bool right = true;
  for (std::size_t begin = 0; right && begin <= text.size(); ++count) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    const std::string_view part = text.substr(begin, end - begin);
    right = count < parts.size() && !part.empty() && part.size() <= 2 && std::ranges::all_of(part, is_digit);
    if (right) std::from_chars(part.data(), part.data() + part.size(), parts[count]);
    begin = end + 1;
  }
  if (!right || count < 2 || parts[0] == 0)
    throw Error(Kind::kWrongUsage, fmt::format("'{}' is not a TensorRT version", escaped(text, 40)),
                "write it as 8.6.1 or 10.3");
  return {parts[0], parts[1], parts[2]};
}

std::string cache_header(const TensorRtVersion& version) {
  return fmt::format("TRT-{}-EntropyCalibration2", version.number());
}

const CacheLine* CalibrationCache::find(std::string_view tensor) const {
  const auto exact = std::ranges::find(lines, tensor, &CacheLine::tensor);
  if (exact != lines.end()) return &*exact;
  const auto alike = std::ranges::find(lines, without_index(tensor),
                                       [](const CacheLine& line) { return without_index(line.tensor); });
  return alike == lines.end() ? nullptr : &*alike;
}

std::map<std::string, const CacheLine*> CalibrationCache::by_tensor() const {
  std::map<std::string, const CacheLine*> found;
  for (const auto& line : lines) {
    const std::string_view name = without_index(line.tensor);
    const CacheLine*& at = found[std::string(name)];
    if (at == nullptr || name == line.tensor) at = &line;
  }
  return found;
}

CalibrationCache parse_calibration_cache(std::string_view text) {
  if (text.size() > kMostBytes)
    throw Error(Kind::kBadInput,
                fmt::format("a calibration cache of {} bytes, expected at most {}", text.size(), kMostBytes));
  std::size_t number = 0;
  const Line header = next_line(text, number);
  if (!is_header(header.text))
    refuse(header,
           fmt::format("expected a header like 'TRT-8601-EntropyCalibration2', found '{}'",
                       escaped(header.text, 80)),
           "the file is not a TensorRT calibration cache");
  CalibrationCache cache{std::string(header.text), {}};
  std::unordered_map<std::string, std::size_t> line_of_tensor;
  std::size_t blank_line = 0;
  while (!text.empty()) {
    const Line line = next_line(text, number);
    if (line.text.empty()) {
      if (blank_line == 0) blank_line = line.number;
      continue;
    }
    if (blank_line != 0)
      refuse({{}, blank_line}, "blank, but more lines follow", "remove it, or see what is missing there");
    CacheLine entry = cache_line(line);
    const auto [first, is_new] = line_of_tensor.emplace(entry.tensor, line.number);
    if (!is_new)
      refuse(line,
             fmt::format("tensor '{}' stands already in line {}", escaped(entry.tensor), first->second));
    cache.lines.push_back(std::move(entry));
  }
  return cache;
}

CalibrationCache read_calibration_cache(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path, kMostBytes);
  return within([&] { return quoted(path); }, [&] { return parse_calibration_cache(as_text(bytes)); });
}

std::string format_calibration_cache(const CalibrationCache& cache) {
  if (!is_header(cache.header))
    throw Error(Kind::kBadInput, fmt::format("'{}' is not a cache's header", escaped(cache.header, 80)));
  std::string text = cache.header + "\n";
  for (const auto& line : cache.lines) {
    if (line.tensor.empty() || line.tensor.find('\n') != std::string::npos)
      throw Error(
          Kind::kBadInput,
          fmt::format(
              "tensor '{}' cannot stand in a calibration cache: its name is empty or holds a line break",
              escaped(line.tensor)));
    if (!is_scale(line.scale))
      throw Error(Kind::kBadInput,
                  fmt::format("tensor '{}' has scale {}, expected a finite number that is not negative",
                              escaped(line.tensor), line.scale));
    text += fmt::format("{}: {:08x}\n", line.tensor, std::bit_cast<std::uint32_t>(line.scale));
  }
  return text;
}

bool looks_like_calibration_cache(ByteView head) {
  std::string_view text = as_text(head);
  if (!text.starts_with("TRT-")) return false;
  text.remove_prefix(4);
  const auto dash = static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
  return dash > 0 && dash < text.size() && text[dash] == '-';
}

}  // namespace etalon
