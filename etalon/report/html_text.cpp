#include "etalon/report/html_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

constexpr std::size_t kLongestText = 4096;  // characters; a path or a tensor's name is shorter

std::string_view entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

}  // namespace

std::string html_escaped(std::string_view text) {
  std::string safe;
  for (const char c : escaped(text, kLongestText)) {
    const std::string_view special = entity(c);
    if (special.empty())
      safe += c;
    else
      safe += special;
  }
  return safe;
}

std::string png_data_uri(ByteView png) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string uri = "data:image/png;base64,";
  uri.reserve(uri.size() + (png.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < png.size(); i += 3) {
    const std::size_t bytes = std::min<std::size_t>(3, png.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < bytes ? std::to_integer<std::uint32_t>(png[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) uri += k <= bytes ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return uri;
}

std::string percent_text(double share) {
  constexpr double kLeastShown = 1e-6;
  if (share <= 0) return "0";
  if (share < kLeastShown) return "&lt;0.0001&#8201;%";
  return fmt::format("{:.3g}&#8201;%", share * 100);
}

std::string decibel_text(double decibel) {
  if (std::isnan(decibel)) return "not known";
  if (std::isinf(decibel)) return decibel > 0 ? "exact" : "no signal";
  return fmt::format("{:.1f}&#8201;dB", decibel);
}

std::string count_text(double count) {
  constexpr std::array<std::pair<double, std::string_view>, 4> kUnits{
      {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
  for (const auto& [unit, letter] : kUnits)
    if (count >= unit) return fmt::format("{:.3g}&#8201;{}", count / unit, letter);
  return fmt::format("{:.0f}", count);
}

}  // namespace etalon
