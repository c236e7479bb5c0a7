// The container that TAO calls .etlt: a 4-byte little-endian length n, the input tensor's name (n bytes), then the
// encrypted model. n = 0: the payload is ONNX; n > 0: UFF. It has no magic number and no checksum.
// docs/formats/etlt.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "etalon/base/bytes.hpp"

namespace etalon {

struct EtltHeader {
  std::string input_name;      // empty: ONNX payload
  std::size_t payload_offset;  // of the encrypted bytes; they are 16 bytes longer than what they hide
  std::uint64_t payload_size_bytes;  // of what is hidden: the file without header and nonce
};

// Errors (kBadInput): shorter than a header with the codec's 16-byte nonce, a length that is negative or larger than a
// name can be (255 bytes) or than the file, a name that is not printable text.
EtltHeader read_etlt_header(ByteView bytes, std::uint64_t file_size_bytes);

// The header's bytes for an ONNX payload.
inline constexpr std::size_t kOnnxEtltHeaderBytes = 4;

}  // namespace etalon
