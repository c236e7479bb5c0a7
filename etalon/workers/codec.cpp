#include "etalon/workers/codec.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "etalon/base/error.hpp"
#include "etalon/workers/codec_worker.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kNonceBytes = 16;  // docs/formats/etlt.md
constexpr std::chrono::seconds kProbeTime{20};
constexpr std::string_view kInstall =
    "install nvidia-eff-tao-encryption and cryptography for Python 3.10 or 3.12, and name that Python in "
    "ETALON_CODEC_PYTHON";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The package exists for these versions of Python only.
bool is_right_version(std::string_view name) {
  for (const std::string_view version : {"3.10", "3.12"})
    if (name == version || (name.starts_with(version) && name[version.size()] == '.')) return true;
  return false;
}

std::vector<fs::path> pythons_on_path() {
  std::vector<fs::path> found;
  const std::string path = environment("PATH");
  for (const char* name : {"python3.10", "python3.12"}) {
    for (std::size_t begin = 0; begin < path.size();) {
      const std::size_t end = std::min(path.find(':', begin), path.size());
      if (end > begin) found.push_back(fs::path(path.substr(begin, end - begin)) / name);
      begin = end + 1;
    }
  }
  return found;
}

std::vector<fs::path> pythons_of_pyenv() {
  const std::string home = environment("HOME");
  std::vector<fs::path> found;
  if (home.empty()) return found;
  std::error_code ignored;  // no such folder: nothing found
  for (fs::directory_iterator at(fs::path(home) / ".pyenv/versions", ignored), end; !ignored && at != end;
       at.increment(ignored))
    if (is_right_version(at->path().filename().string())) found.push_back(at->path() / "bin/python");
  std::ranges::sort(found);
  return found;
}

std::vector<fs::path> candidates() {
  std::vector<fs::path> all{ETALON_SETUP_CODEC_PYTHON};
  for (const auto& more : {pythons_on_path(), pythons_of_pyenv()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

// A start of Python from a slow disk, and 1 MB a second; the codec itself does hundreds.
std::chrono::milliseconds time_for(std::uint64_t size_bytes) {
  return std::chrono::milliseconds(60'000 + size_bytes / 1000);
}

}  // namespace

std::optional<CodecFound> find_codec() {
  if (const std::string named = environment("ETALON_CODEC_PYTHON"); !named.empty()) {
    try {
      return probe_codec(named, kProbeTime);
    } catch (Error& error) {
      error.add_place(fmt::format("ETALON_CODEC_PYTHON '{}'", escaped(named)));
      error.set_hint(std::string(kInstall));
      throw;
    }
  }
  for (const auto& python : candidates()) {
    if (::access(python.c_str(), X_OK) != 0) continue;
    try {
      return probe_codec(python, kProbeTime);
    } catch (const Error&) {
      continue;  // a Python without the package: the usual case
    }
  }
  return std::nullopt;
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
              fmt::format("NVIDIA's codec is needed {}, but no Python has it (looked at {}, python3.10 and "
                          "python3.12 on PATH, ~/.pyenv/versions)",
                          needed_for, ETALON_SETUP_CODEC_PYTHON),
              std::string(kInstall));
}

}  // namespace etalon
