// An identity for content: the same bytes, texts and numbers in the same order give the same 32 hexadecimal
// digits, on every machine; anything else gives others.
//
//   const std::string run = Digest().text("model").bytes(model_file).number(images.size()).hex();
//
// XXH3's 128 bits: fast, and good against accidents. Not cryptographic: whoever wants to can make two
// contents with one digest, so nothing may be trusted because of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "etalon/base/bytes.hpp"

namespace etalon {

class Digest {
 public:
  static constexpr std::size_t kHexDigits = 32;

  Digest();
  ~Digest();
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;

  // Bytes as they are, without their number: the parts of a file give what the file gives. Where something of
  // another length could follow, feed the length too.
  Digest& bytes(ByteView bytes);
  // The length as a number, then the bytes: "ab", "c" is not "a", "bc".
  Digest& text(std::string_view text);
  // Eight bytes, the lowest first.
  Digest& number(std::uint64_t number);

  // Of all that was fed until now; more can follow. 32 lower-case digits, the highest first (XXH128's
  // canonical form, as xxh128sum prints it).
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Whether `text` has the form that hex() gives.
bool is_digest(std::string_view text);

}  // namespace etalon
