#include "etalon/formats/tfrecord/tfrecord.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include "etalon/base/crc32c.hpp"
#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"

namespace etalon {
namespace {

constexpr std::size_t kHeaderBytes = 12;  // the length and its CRC
constexpr std::size_t kCrcBytes = 4;
constexpr std::size_t kChunkBytes = 256 * 1024;

// The file in order through one buffer, which grows to the largest record.
class Chunks {
 public:
  explicit Chunks(const std::filesystem::path& path) : file_(path) {}

  std::uint64_t offset() const { return offset_; }
  std::uint64_t remaining() const { return std::max(file_.size_bytes(), offset_) - offset_; }

  // The next `count` bytes, valid until the next call; `count` <= remaining(). Fewer if the file has shrunk
  // meanwhile.
  ByteView take(std::size_t count) {
    if (end_ - begin_ < count) refill(count);
    const ByteView taken = ByteView(buffer_).subspan(begin_, std::min(count, end_ - begin_));
    begin_ += taken.size();
    offset_ += taken.size();
    return taken;
  }

 private:
  void refill(std::size_t count) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
    const std::size_t size =
        std::max(count, static_cast<std::size_t>(std::min<std::uint64_t>(kChunkBytes, remaining())));
    if (buffer_.size() < size) buffer_.resize(size);
    end_ += file_.read(std::span(buffer_).subspan(end_));
  }

  InputFile file_;
  Bytes buffer_;
  std::size_t begin_ = 0, end_ = 0;  // what of the buffer is not taken yet
  std::uint64_t offset_ = 0;         // of `begin_` in the file
};

// The record's length, if the checksum after it fits.
std::optional<std::uint64_t> length_of(ByteView header) {
  ByteCursor cursor(header);
  const std::uint64_t length = cursor.u64("a record's length");
  if (masked_crc(crc32c(header.first(8))) != cursor.u32("the crc of a record's length")) return std::nullopt;
  return length;
}

[[noreturn]] void refuse_cut_off(std::string_view what, std::uint64_t needed, std::uint64_t left) {
  throw Error(Kind::kBadInput,
              fmt::format("the file is cut off: {} needs {} bytes, {} are left", what, needed, left),
              "copy or write the file again");
}

ByteView take_whole(Chunks& chunks, std::uint64_t count, std::string_view what) {
  if (count > chunks.remaining()) refuse_cut_off(what, count, chunks.remaining());
  const ByteView taken = chunks.take(static_cast<std::size_t>(count));
  if (taken.size() < count) refuse_cut_off(what, count, taken.size());
  return taken;
}

std::uint64_t checked_length(ByteView header, std::uint64_t number) {
  const auto length = length_of(header);
  if (!length)
    throw Error(Kind::kBadInput, "the length does not fit its crc",
                number == 0 ? "the file is damaged, compressed, or no TFRecord file" : "the file is damaged");
  if (*length > kMostRecordBytes)
    throw Error(Kind::kBadInput,
                fmt::format("a record of {} bytes, expected at most {}", *length, kMostRecordBytes));
  return *length;
}

// `body`: the data and their crc. -> the data
ByteView checked_data(ByteView body) {
  const ByteView data = body.first(body.size() - kCrcBytes);
  if (masked_crc(crc32c(data)) != ByteCursor(body.last(kCrcBytes)).u32("the crc of a record"))
    throw Error(Kind::kBadInput, "the data do not fit their crc", "the file is damaged");
  return data;
}

constexpr std::string_view kHeader = "a record's length and its crc", kBody = "a record with its crc";

ByteView next_record(Chunks& chunks, std::uint64_t number) {
  const std::uint64_t length = checked_length(take_whole(chunks, kHeaderBytes, kHeader), number);
  return checked_data(take_whole(chunks, length + kCrcBytes, kBody));
}

void fill_whole(const InputFile& file, std::uint64_t offset, std::span<std::byte> into,
                std::string_view what) {
  const std::size_t have = file.read_at(offset, into);
  if (have < into.size()) refuse_cut_off(what, into.size(), have);
}

// Of the record at `offset`, its data and their crc being in the file.
std::uint64_t length_at(const InputFile& file, std::uint64_t number, std::uint64_t offset) {
  std::array<std::byte, kHeaderBytes> header;
  fill_whole(file, offset, header, kHeader);
  const std::uint64_t length = checked_length(header, number);
  const std::uint64_t left = file.size_bytes() - std::min(file.size_bytes(), offset + kHeaderBytes);
  if (length + kCrcBytes > left) refuse_cut_off(kBody, length + kCrcBytes, left);
  return length;
}

std::string record_at(std::uint64_t number, std::uint64_t offset) {
  return fmt::format("record {} at byte {}", number, offset);
}

}  // namespace

void read_tfrecords(const std::filesystem::path& path,
                    const std::function<void(std::uint64_t number, ByteView record)>& take) {
  Chunks chunks(path);
  if (chunks.remaining() == 0) return;
  check_is_data_file(path);
  within([&] { return quoted(path); },
         [&] {
           for (std::uint64_t number = 0; chunks.remaining() > 0; ++number) {
             const std::uint64_t offset = chunks.offset();
             within([&] { return record_at(number, offset); },
                    [&] { take(number, next_record(chunks, number)); });
           }
         });
}

void list_tfrecords(const std::filesystem::path& path,
                    const std::function<void(std::uint64_t number, std::uint64_t offset)>& visit) {
  const InputFile file(path);
  if (file.size_bytes() == 0) return;
  check_is_data_file(path);
  within([&] { return quoted(path); },
         [&] {
           std::uint64_t offset = 0;
           for (std::uint64_t number = 0; offset < file.size_bytes(); ++number)
             offset += within([&] { return record_at(number, offset); },
                              [&] {
                                const std::uint64_t length = length_at(file, number, offset);
                                visit(number, offset);
                                return kHeaderBytes + length + kCrcBytes;
                              });
         });
}

Bytes read_tfrecord(const std::filesystem::path& path, std::uint64_t number, std::uint64_t offset) {
  const InputFile file(path);
  return within([&] { return quoted(path); },
                [&] {
                  return within(
                      [&] { return record_at(number, offset); },
                      [&] {
                        Bytes body(static_cast<std::size_t>(length_at(file, number, offset)) + kCrcBytes);
                        fill_whole(file, offset + kHeaderBytes, body, kBody);
                        body.resize(checked_data(body).size());
                        return body;
                      });
                });
}

bool looks_like_tfrecord(ByteView head) {
  return head.size() >= kHeaderBytes && length_of(head.first(kHeaderBytes)).has_value();
}

}  // namespace etalon
