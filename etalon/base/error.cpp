#include "etalon/base/error.hpp"

#include <fmt/format.h>

#include <array>

namespace etalon {
namespace {

// Bytes of the UTF-8 sequence that starts at `text`, 0 if there is none (overlong forms and surrogates
// included).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  const std::size_t n = lead < 0x80                   ? 1
                        : lead >= 0xc2 && lead < 0xe0 ? 2
                        : lead >= 0xe0 && lead < 0xf0 ? 3
                        : lead >= 0xf0 && lead < 0xf5 ? 4
                                                      : 0;
  if (n == 0 || n > text.size()) return 0;
  for (std::size_t i = 1; i < n; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;
  if (lead == 0xed && byte(1) >= 0xa0) return 0;
  if (lead == 0xf0 && byte(1) < 0x90) return 0;
  if (lead == 0xf4 && byte(1) >= 0x90) return 0;
  return n;
}

}  // namespace

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::kBadInput:
      return "bad_input";
    case Kind::kWrongUsage:
      return "wrong_usage";
    case Kind::kUnsupported:
      return "unsupported";
    case Kind::kEnvironment:
      return "environment";
    case Kind::kInterrupted:
      return "interrupted";
    case Kind::kInternal:
      return "internal";
  }
  return "internal";
}

std::string escaped(std::string_view text, std::size_t limit) {
  std::string out;
  std::size_t written = 0;
  while (!text.empty()) {
    if (written++ == limit) return out + "...";
    const std::size_t n = utf8_length(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    const bool c1_control = n == 2 && byte == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
    if (n == 0 || byte < 0x20 || byte == 0x7f || c1_control) {
      out += fmt::format("\\x{:02x}", byte);
      text.remove_prefix(1);
    } else {
      out += text.substr(0, n);
      text.remove_prefix(n);
    }
  }
  return out;
}

Error::Error(Kind kind, std::string problem, std::string hint)
    : kind_(kind), problem_(std::move(problem)), hint_(std::move(hint)), what_(problem_) {}

void Error::add_place(std::string place) {
  places_.push_back(std::move(place));
  what_ = problem_;
  for (const auto& p : places_) what_ += ", in " + p;
}

std::string Error::line() const { return hint_.empty() ? what_ : what_ + " (" + hint_ + ")"; }

}  // namespace etalon
