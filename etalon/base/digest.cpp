#include "etalon/base/digest.hpp"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>

namespace etalon {

struct Digest::State {
  State() { XXH3_128bits_reset(&hash); }
  XXH3_state_t hash{};  // aligned to 64 bytes, which `new` respects
};

Digest::Digest() : state_(std::make_unique<State>()) {}
Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

Digest& Digest::bytes(ByteView bytes) {
  if (!bytes.empty()) XXH3_128bits_update(&state_->hash, bytes.data(), bytes.size());
  return *this;
}

Digest& Digest::text(std::string_view text) { return number(text.size()).bytes(as_bytes(text)); }

Digest& Digest::number(std::uint64_t number) {
  std::array<std::byte, 8> little_endian;
  for (auto& byte : little_endian) {
    byte = static_cast<std::byte>(number);
    number >>= 8;
  }
  return bytes(little_endian);
}

std::string Digest::hex() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state_->hash));
  return fmt::format("{:02x}", fmt::join(canonical.digest, ""));
}

bool is_digest(std::string_view text) {
  return text.size() == Digest::kHexDigits &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace etalon
