// What a user's key opens, through NVIDIA's codec.
#pragma once

#include <string_view>

#include "etalon/base/bytes.hpp"

namespace etalon {

// The codec cannot tell a wrong key: what comes out is noise then, and the caller has to look. Errors:
// kWrongUsage (no key was given), kEnvironment (no codec).
Bytes decrypt_with_key(ByteView encrypted, std::string_view key);

}  // namespace etalon
