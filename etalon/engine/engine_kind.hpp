// Whose engine a file is, by its first bytes. Nothing more can be read without the library that wrote it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "etalon/base/bytes.hpp"

namespace etalon {

// "TensorRT", "TensorRT for RTX", "OpenVINO compiled model"; nullopt: no engine.
std::optional<std::string_view> engine_kind(ByteView head);

// What an OpenVINO compiled model says of the version and the processor that it was compiled with; nullopt:
// another file, or one cut off.
std::optional<std::string> compiled_for(ByteView head);

}  // namespace etalon
