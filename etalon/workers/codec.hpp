// NVIDIA's file encryption, through NVIDIA's own Python package in a process of its own. The package is proprietary:
// it is used where the user has it, never shipped, never re-implemented.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/base/bytes.hpp"

namespace etalon {

struct CodecFound {
  std::filesystem::path python;
  std::string package_version;  // of nvidia-eff-tao-encryption
  std::string python_version;
};

// Looked for in this order: $ETALON_CODEC_PYTHON (if it is set and does not work, that is an Error, not a reason to
// look on), the Python that the set-up made, python3.10 and python3.12 on PATH, ~/.pyenv/versions. nullopt: none has it.
std::optional<CodecFound> find_codec();

// Both start a worker, send key and bytes through a pipe (never argv, never a file) and wait. The codec cannot tell a
// wrong key: decrypt() returns noise then, and the caller must look at what came out.
// Errors: kEnvironment (no codec found, with what to install; the worker died), kBadInput (fewer than 16 bytes).
// No message holds the key.
Bytes decrypt(const CodecFound& codec, ByteView encrypted, std::string_view key);
Bytes encrypt(const CodecFound& codec, ByteView plain, std::string_view key);

// The error for a caller that needs the codec and has none: what was looked at, what to install.
[[noreturn]] void throw_no_codec(std::string_view needed_for);

}  // namespace etalon
