#include "etalon/workers/codec.hpp"

#include <fmt/format.h>

#include "etalon/base/error.hpp"
#include "etalon/workers/codec_worker.hpp"
#include "etalon/workers/python_search.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kNonceBytes = 16;  // docs/formats/etlt.md
constexpr std::chrono::seconds kProbeTime{20};
constexpr std::string_view kInstall =
    "install nvidia-eff-tao-encryption and cryptography for Python 3.10 or 3.12, and name that Python in "
    "ETALON_CODEC_PYTHON";

PythonSearch search() {
  // The package exists for these versions of Python only.
  return {"ETALON_CODEC_PYTHON", ETALON_SETUP_CODEC_PYTHON, {"3.10", "3.12"}, std::string(kInstall)};
}

// A start of Python from a slow disk, and 1 MB a second; the codec itself does hundreds.
std::chrono::milliseconds time_for(std::uint64_t size_bytes) {
  return std::chrono::milliseconds(60'000 + size_bytes / 1000);
}

}  // namespace

std::optional<CodecFound> find_codec() {
  return first_python(search(), [](const fs::path& python) { return probe_codec(python, kProbeTime); });
}

Bytes decrypt(const CodecFound& codec, ByteView encrypted, std::string_view key) {
  if (encrypted.size() < kNonceBytes)
    throw Error(
        Kind::kBadInput,
        fmt::format("the encrypted part has {} bytes, expected at least {}", encrypted.size(), kNonceBytes),
        "the file is cut off");
  return run_codec(codec.python, CodecOp::kDecrypt, encrypted, key, encrypted.size() - kNonceBytes,
                   time_for(encrypted.size()));
}

Bytes encrypt(const CodecFound& codec, ByteView plain, std::string_view key) {
  return run_codec(codec.python, CodecOp::kEncrypt, plain, key, plain.size() + kNonceBytes,
                   time_for(plain.size()));
}

void throw_no_codec(std::string_view needed_for) {
  throw Error(Kind::kEnvironment,
              fmt::format("NVIDIA's codec is needed {}, but no Python has it (looked at {})", needed_for,
                          looked_at(search())),
              std::string(kInstall));
}

}  // namespace etalon
