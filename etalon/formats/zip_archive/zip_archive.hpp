// ZIP archives as TAO keeps checkpoints in them: what is inside, and the content of single members.
//
//   const Bytes file = read_file("model.epoch-10.tlt");
//   const ZipArchive archive = read_zip(file);                 // the directory alone
//   if (const ZipMember* index = archive.find("model.ckpt-10.index"))
//     if (index->is_stored()) use(stored_content(*index, StoredCrc::kCheck)); else use(inflated(*index));
//
// Not read: ZIP64, passwords, compression other than deflate, several disks. docs/formats/tf_checkpoint.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/base/bytes.hpp"

namespace etalon {

// A deflated member of at least kFreeBytes may be at most kMostTimes as large as what it was packed to, and
// all members together have at most kMostUnpackedBytes. Weights shrink to three quarters (a graph of TAO's to
// an eleventh); deflate itself ends at 1032 times, which only a bomb comes near.
inline constexpr std::uint64_t kMostTimesOfDeflated = 200;
inline constexpr std::uint64_t kFreeBytesOfDeflated = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kMostUnpackedBytes = std::uint64_t{8} << 30;

struct ZipMember {
  std::string name;  // relative, with '/', without '..'; a folder's ends in '/'
  std::uint16_t method = 0, flags = 0;
  std::uint32_t crc32 = 0;
  std::uint64_t size_bytes = 0;  // unpacked
  ByteView packed;               // of the archive's bytes

  bool is_stored() const { return method == 0; }
};

struct ZipArchive {
  std::vector<ZipMember> members;                      // in the order of the directory; no name twice
  const ZipMember* find(std::string_view name) const;  // nullptr: not there
};

// Whether these first bytes begin an archive.
bool looks_like_zip(ByteView head);

// Reads the directory; sizes come from there, so archives that were written as a stream are fine. The views
// live as long as `file`. Errors (kBadInput): no archive or one that is cut off, a name that leads out of the
// folder it is unpacked to, two members of one name or in the same bytes, local headers that say something
// else than the directory, sizes beyond the limits above; kUnsupported: ZIP64, several disks.
ZipArchive read_zip(ByteView file);

// A stored member's content, which is part of the archive. Its CRC-32 is checked only where `check_crc` says
// so: to read 184 MB for it costs a tenth of a conversion, and the members that large are TensorFlow's, with
// a CRC-32C for each variable. Error (kUnsupported): encrypted, or packed by whatever method.
enum class StoredCrc { kCheck, kLeaveToTheContent };
ByteView stored_content(const ZipMember& member, StoredCrc crc);

// A deflated member, inflated to the size that it declares and not a byte more; its CRC-32 is checked.
// Errors: kBadInput: not deflate, larger, smaller or other content than declared; kUnsupported: encrypted,
// another method.
Bytes inflated(const ZipMember& member);

}  // namespace etalon
