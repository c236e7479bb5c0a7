// CRC-32C (Castagnoli), the checksum of TFRecords, of TensorFlow's checkpoints and of our own files.
//
//   crc32c(as_bytes("123456789")) == 0xe3069283
//   crc32c(rest, crc32c(head))    == the one of head and rest in a row
//
// Polynomial 0x1edc6f41, reflected, begun and ended with all bits turned over (RFC 3720, 12.1 and B.4).
#pragma once

#include <cstdint>

#include "etalon/base/bytes.hpp"

namespace etalon {

// `before`: the CRC of the bytes that stand in front of these, 0 if none do.
std::uint32_t crc32c(ByteView bytes, std::uint32_t before = 0);

// How TensorFlow stores a CRC beside its data: turned right by 15 bits, plus a constant, since the CRC of
// data that hold CRCs of their own is weak (tensorflow/core/lib/hash/crc32c.h).
constexpr std::uint32_t masked_crc(std::uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8U; }

}  // namespace etalon
