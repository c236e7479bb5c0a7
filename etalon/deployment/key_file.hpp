// Values as GLib's key files want them (nvinfer's configuration is one): `key=value` lines below `[group]`
// lines.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace etalon {

// A text value: a backslash becomes `\\`, a tab `\t`, blanks at either end `\s`.
// Error (kBadInput) names `key`, never the value: a line break or another control character, bytes that are
// not UTF-8, more than `limit` bytes.
std::string key_file_text(std::string_view key, std::string_view value, std::size_t limit = 1023);

// Items joined with `;`; one inside an item becomes `\;`.
std::string key_file_list(std::string_view key, std::span<const std::string> items);

// The shortest decimal that is this number. Error (kBadInput): not finite.
std::string key_file_number(std::string_view key, double value);

// As Python's str() prints a float, which TAO writes: 1.0 and not 1.
std::string python_number(std::string_view key, double value);

}  // namespace etalon
