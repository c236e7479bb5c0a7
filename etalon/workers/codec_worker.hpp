// Inside workers: one request to the Python worker around NVIDIA's codec (README.md has the protocol).
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "etalon/base/bytes.hpp"
#include "etalon/workers/codec.hpp"

namespace etalon {

extern const char* const kCodecSource;  // codec.py

// Whether the package works there. Error (kEnvironment): no, and why.
CodecFound probe_codec(const std::filesystem::path& python, std::chrono::milliseconds time_limit);

enum class CodecOp { kEncrypt, kDecrypt };

// Error (kEnvironment): the worker cannot be started, died, did not end in time, or its answer is none.
Bytes run_codec(const std::filesystem::path& python, CodecOp op, ByteView payload, std::string_view key, std::uint64_t expected_bytes,
                std::chrono::milliseconds time_limit);

}  // namespace etalon
