#include "etalon/formats/tf_checkpoint/sorted_table.hpp"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "etalon/base/crc32c.hpp"
#include "etalon/base/error.hpp"

namespace etalon {
namespace {

// tensorflow/core/lib/io/format.{h,cc}.
constexpr std::size_t kFooterBytes = 48, kHandlesBytes = 40;
constexpr std::size_t kBlockTailBytes = 5;  // type, CRC
constexpr std::uint64_t kMagic = 0xdb4775248b80fb57;

[[noreturn]] void refuse(std::string problem, std::string hint = "the file is damaged") {
  throw Error(Kind::kBadInput, std::move(problem), std::move(hint));
}

std::uint64_t varint(ByteCursor& cursor, std::string_view what) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = std::to_integer<std::uint64_t>(cursor.take(1, what)[0]);
    if (shift == 63 && byte > 1) break;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  refuse(fmt::format("{} is a number of more than 64 bits", what));
}

struct Handle {
  std::uint64_t offset, size_bytes;
};

Handle read_handle(ByteCursor& cursor, std::string_view what) {
  const std::uint64_t offset = varint(cursor, what);
  return {offset, varint(cursor, what)};
}

// The block's content, `body` being the file without its footer.
ByteView block_at(ByteView body, Handle handle, std::string_view what) {
  const std::uint64_t size_bytes = body.size();
  if (handle.offset > size_bytes || handle.size_bytes > size_bytes - handle.offset ||
      size_bytes - handle.offset - handle.size_bytes < kBlockTailBytes)
    refuse(fmt::format("{} of {} bytes at {} is not inside the {} bytes before the footer", what,
                       handle.size_bytes, handle.offset, size_bytes));
  const auto size = static_cast<std::size_t>(handle.size_bytes);
  const ByteView block = body.subspan(static_cast<std::size_t>(handle.offset), size + kBlockTailBytes);
  if (masked_crc(crc32c(block.first(size + 1))) != ByteCursor(block.last(4)).u32("the CRC of a block"))
    refuse(fmt::format("{} of {} bytes at {} does not fit its CRC", what, handle.size_bytes, handle.offset));
  const auto type = std::to_integer<unsigned>(block[size]);
  if (type != 0)
    throw Error(Kind::kUnsupported,
                fmt::format("{} at {} is compressed ({}), which TensorFlow's checkpoint writer never does",
                            what, handle.offset, type == 1 ? "snappy" : fmt::format("type {}", type)));
  return block.first(size);
}

// A block: entries, then the offsets of those that share nothing with their predecessor, then their number.
template <class Take>
void read_block(ByteView block, std::string_view what, Take take) {
  const auto wrong_end = [&] { refuse(fmt::format("{} does not end with its restart points", what)); };
  if (block.size() < 4) wrong_end();
  const std::uint32_t restarts = ByteCursor(block.last(4)).u32("the number of restart points");
  if (restarts == 0 || restarts > (block.size() - 4) / 4) wrong_end();
  const std::size_t end = block.size() - 4 - std::size_t{restarts} * 4;
  ByteCursor restart_points(block.subspan(end));
  auto next_restart = [&, left = restarts]() mutable -> std::uint64_t {
    if (left == 0) return UINT64_MAX;
    --left;
    return restart_points.u32("a restart point");
  };
  std::uint64_t restart = next_restart();
  if (restart != 0) refuse(fmt::format("{} does not begin with a restart point", what));

  ByteCursor cursor(block.first(end));
  std::string key;
  while (cursor.remaining() > 0) {
    const std::size_t at = cursor.offset();
    const std::uint64_t shared = varint(cursor, "an entry"), own = varint(cursor, "an entry"),
                        value_size = varint(cursor, "an entry");
    if (at == restart) {
      if (shared != 0) refuse(fmt::format("{}: the entry at its restart point {} shares bytes", what, at));
      restart = next_restart();
      if (restart <= at) refuse(fmt::format("{}: its restart points do not rise", what));
    }
    if (shared > key.size())
      refuse(
          fmt::format("{}: the entry at {} shares {} bytes with a key of {}", what, at, shared, key.size()));
    if (own > kMostTableKeyBytes || shared + own > kMostTableKeyBytes)
      refuse(fmt::format("{}: the key at {} has {} + {} bytes, expected at most {}", what, at, shared, own,
                         kMostTableKeyBytes));
    if (value_size > kMostTableValueBytes)
      refuse(fmt::format("{}: the value at {} has {} bytes, expected at most {}", what, at, value_size,
                         kMostTableValueBytes));
    key.resize(static_cast<std::size_t>(shared));
    key += as_text(cursor.take(own, "a key"));
    take(key, cursor.take(value_size, "a value"));
  }
  // A block without entries has one restart point, which nothing stands at.
  if (restart != UINT64_MAX && !(end == 0 && restarts == 1))
    refuse(fmt::format("{}: no entry begins at its restart point {}", what, restart));
}

}  // namespace

bool ends_as_sorted_table(ByteView last_bytes) {
  return last_bytes.size() == kTableMarkBytes && ByteCursor(last_bytes).u64("the mark") == kMagic;
}

void read_sorted_table(ByteView file, const std::function<void(const std::string&, ByteView)>& take) {
  if (file.size() < kFooterBytes)
    refuse(fmt::format("{} bytes, expected at least the {} of a footer", file.size(), kFooterBytes),
           "the file is cut off");
  const ByteView footer = file.last(kFooterBytes), body = file.first(file.size() - kFooterBytes);
  if (!ends_as_sorted_table(footer.last(kTableMarkBytes)))
    refuse("its last 8 bytes are not the mark of a checkpoint's index",
           "the file is cut off, or no checkpoint's");
  ByteCursor handles(footer.first(kHandlesBytes));
  const Handle metaindex = read_handle(handles, "the footer"), index = read_handle(handles, "the footer");
  read_block(block_at(body, metaindex, "the metaindex block"), "the metaindex block",
             [](const std::string&, ByteView) {});  // filters would stand there, which a reader of all skips

  std::uint64_t entries = 0;
  std::string last_key, last_separator;
  const auto check_order = [](bool is_first, const std::string& before, const std::string& key) {
    if (!is_first && before >= key)
      refuse(
          fmt::format("the key '{}' comes after '{}', expected rising keys", escaped(key), escaped(before)));
  };
  bool is_first_block = true;
  read_block(block_at(body, index, "the index block"), "the index block",
             [&](const std::string& separator, ByteView value) {
               check_order(is_first_block, last_separator, separator);
               ByteCursor cursor(value);
               const Handle handle = read_handle(cursor, "the handle of a data block");
               read_block(block_at(body, handle, "a data block"), "a data block",
                          [&](const std::string& key, ByteView content) {
                            if (++entries > kMostTableEntries)
                              refuse(fmt::format("more than {} entries", kMostTableEntries), "");
                            check_order(entries == 1, last_key, key);
                            last_key = key;
                            take(key, content);
                          });
               if (entries > 0 && last_key > separator)
                 refuse(fmt::format("the block's last key '{}' comes after its separator '{}'",
                                    escaped(last_key), escaped(separator)));
               last_separator = separator;
               is_first_block = false;
             });
}

}  // namespace etalon
