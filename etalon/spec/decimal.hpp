// A float32 of a specification as the decimal that was written.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <string>

namespace etalon {

// The shortest decimal that is this float32: a specification's 0.05 does not become 0.05000000074505806.
inline double decimal_of(float value) {
  const std::string text = fmt::format("{}", value);
  double decimal = value;
  std::from_chars(text.data(), text.data() + text.size(), decimal);
  return decimal;
}

}  // namespace etalon
