// Texts and numbers as a page of HTML takes them.
#pragma once

#include <string>
#include <string_view>

#include "etalon/base/bytes.hpp"

namespace etalon {

// Text from outside, fit for an element's content and for an attribute in double quotes: control characters
// and bytes that are not UTF-8 as \xNN (base/error.hpp), then & < > " ' as entities.
std::string html_escaped(std::string_view text);

// "data:image/png;base64,..."
std::string png_data_uri(ByteView png);

// 0 .. 1 as "0", "12.3&#8201;%" or "&lt;0.0001&#8201;%".
std::string percent_text(double share);

// "38.2&#8201;dB"; "exact" for +inf, "no signal" for -inf, "not known" for NaN.
std::string decibel_text(double decibel);

// 1234567 as "1.23&#8201;M".
std::string count_text(double count);

}  // namespace etalon
