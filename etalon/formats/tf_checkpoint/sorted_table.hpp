// Inside formats/tf_checkpoint: a sorted table of keys and values, LevelDB's file format, which is what the
// index of a checkpoint is.
//
//   read_sorted_table(index, [&](const std::string& key, ByteView value) { ... });
//
// docs/formats/tf_checkpoint.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "etalon/base/bytes.hpp"

namespace etalon {

// What a table may hold. A network of TAO's has up to some 1,100 entries and names of 40 bytes; prefixes are
// shared, so that a small file could otherwise become large keys. A value there has some 30 bytes, one of a
// variable that is partitioned into 3,000 pieces 60 KB; it is a protobuf message, which in memory takes up to
// 30 times its bytes (sides of a shape, 2 bytes each).
inline constexpr std::uint64_t kMostTableEntries = 100'000;
inline constexpr std::uint64_t kMostTableKeyBytes = 1024;
inline constexpr std::uint64_t kMostTableValueBytes = std::uint64_t{64} << 10;

// Every entry in the order of the keys (bytewise, strictly rising), each block's CRC checked before it is
// looked at. `value` lives as long as the file's bytes. Errors: kBadInput: cut off, a CRC that does not fit,
// blocks outside of the file, keys out of order, keys or values too long, too many entries; kUnsupported:
// compressed blocks.
void read_sorted_table(ByteView file,
                       const std::function<void(const std::string& key, ByteView value)>& take);

// Whether these last bytes of a file (8 of them) are the mark that ends a table.
inline constexpr std::size_t kTableMarkBytes = 8;
bool ends_as_sorted_table(ByteView last_bytes);

}  // namespace etalon
