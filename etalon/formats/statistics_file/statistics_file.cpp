#include "etalon/formats/statistics_file/statistics_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>

#include "etalon/base/crc32c.hpp"
#include "etalon/base/digest.hpp"
#include "etalon/base/error.hpp"

namespace etalon {
namespace {

// As PNG's: a byte that no text has, line ends of both kinds, and the end of a text for DOS, so that a
// transfer as text shows.
constexpr std::string_view kMagic(
    "\x89"
    "ETST\r\n\x1a",
    8);
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kFrameBytes = kMagic.size() + 4 + 4;  // magic, version and CRC, in every version
constexpr std::uint32_t kKeys = 0x7f80;                     // 0x7f80 is infinity
constexpr std::size_t kDigestBytes = Digest::kHexDigits / 2;
constexpr std::size_t kSectionBytes = 4 + 4;  // name and length

[[noreturn]] void refuse(std::string problem) { throw Error(Kind::kBadInput, std::move(problem)); }

// ----------------------------------------------------------------------------------------------------
// numbers

void append_little_endian(std::string& out, std::uint64_t number, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<char>(number >> 8 * i));
}

// LEB128: seven bits a byte, the lowest first, the top bit set in all but the last.
void append_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out.push_back(static_cast<char>(number | 0x80));
  out.push_back(static_cast<char>(number));
}

std::uint64_t take_varint(ByteCursor& cursor, std::string_view what) {
  std::uint64_t number = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = std::to_integer<std::uint64_t>(cursor.take(1, what)[0]);
    if (shift == 63 && byte > 1) break;
    number |= (byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    if (byte == 0 && shift > 0) refuse(fmt::format("{} is not written the shortest way", what));
    return number;
  }
  refuse(fmt::format("{} has more than 64 bits", what));
}

std::uint64_t take_varint_up_to(ByteCursor& cursor, std::uint64_t most, std::string_view what) {
  const std::uint64_t number = take_varint(cursor, what);
  if (number > most) refuse(fmt::format("{} is {}, expected at most {}", what, number, most));
  return number;
}

// Differences around zero as small numbers: 0, -1, 1, -2, ... (modulo 2^64, so any two counts have one).
std::uint64_t zigzag(std::uint64_t difference) { return difference << 1 ^ (0 - (difference >> 63)); }
std::uint64_t unzigzag(std::uint64_t number) { return number >> 1 ^ (0 - (number & 1)); }

void append_text(std::string& out, std::string_view text) {
  append_varint(out, text.size());
  out += text;
}

std::string take_text(ByteCursor& cursor, std::uint64_t most_bytes, std::string_view what) {
  const std::uint64_t size = take_varint_up_to(cursor, most_bytes, fmt::format("the length of {}", what));
  return std::string(as_text(cursor.take(size, what)));
}

void append_digest(std::string& out, std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i < hex.size(); i += 2)
    out.push_back(static_cast<char>(digit(hex[i]) << 4 | digit(hex[i + 1])));
}

std::string take_digest(ByteCursor& cursor, std::string_view what) {
  std::string hex;
  for (const std::byte byte : cursor.take(kDigestBytes, what))
    hex += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return hex;
}

// ---------------------------------------------------------------------------------------------------- rules

void check_buckets(const StoredStatistics& tensor) {
  std::uint64_t sum = 0;
  const auto add = [&](std::uint64_t count) {
    if (count > std::numeric_limits<std::uint64_t>::max() - sum)
      refuse("the counts are more than 64 bits hold");
    sum += count;
  };
  add(tensor.nans);
  add(tensor.infinities);
  std::uint32_t least_key = 0;
  for (const auto& [key, count] : tensor.buckets) {
    if (key < least_key || key >= kKeys)
      refuse(fmt::format("bucket {:#06x} is out of order or too large", key));
    if (count == 0) refuse(fmt::format("bucket {:#06x} is empty", key));
    add(count);
    least_key = key + 1U;
  }
  if (sum != tensor.values)
    refuse(fmt::format("{} values, but its buckets, NaNs and infinities count {}", tensor.values, sum));
  if (tensor.buckets.empty() ? tensor.max_bits != 0 : tensor.max_bits >> 16 != tensor.buckets.back().first)
    refuse(fmt::format("the largest value {:#010x} does not lie in the last bucket", tensor.max_bits));
}

void check_size(std::uint64_t size_bytes) {
  if (size_bytes > kMostStatisticsBytes)
    refuse(fmt::format("statistics of {} bytes, expected at most {}", size_bytes, kMostStatisticsBytes));
}

// All that is true of a file of ours, whether it is to be written or was read.
void check(const StatisticsFile& file) {
  if (!is_digest(file.run) || !is_digest(file.model)) refuse("a digest is not of 32 hexadecimal digits");
  if (file.shard >= file.shards)
    refuse(fmt::format("part {} of {}, counted from 0, does not exist", file.shard, file.shards));
  if (file.images_done > file.images)
    refuse(fmt::format("{} images are done of {}", file.images_done, file.images));
  if (file.facts.size() > kMostFacts)
    refuse(fmt::format("{} facts, expected at most {}", file.facts.size(), kMostFacts));
  for (const auto& [key, text] : file.facts)
    if (std::max(key.size(), text.size()) > kMostFactBytes)
      refuse(fmt::format("fact '{}' has more than {} bytes", escaped(key, 40), kMostFactBytes));
  if (file.tensors.size() > kMostTensors)
    refuse(fmt::format("{} tensors, expected at most {}", file.tensors.size(), kMostTensors));
  std::string_view before;
  for (const auto& tensor : file.tensors)
    within([&] { return fmt::format("tensor '{}'", escaped(tensor.tensor)); },
           [&] {
             if (tensor.tensor.empty() || tensor.tensor.size() > kMostTensorNameBytes)
               refuse(fmt::format("its name has {} bytes, expected 1 to {}", tensor.tensor.size(),
                                  kMostTensorNameBytes));
             if (tensor.tensor <= before)
               refuse(fmt::format("it does not stand after '{}' by name", escaped(before)));
             before = tensor.tensor;
             check_buckets(tensor);
           });
}

// ----------------------------------------------------------------------------------------------------
// sections

std::string run_section(const StatisticsFile& file) {
  std::string out;
  append_digest(out, file.run);
  append_digest(out, file.model);
  for (const std::uint64_t number : {file.shard, file.shards, file.images, file.images_done})
    append_little_endian(out, number, 8);
  return out;
}

void read_run_section(ByteCursor& cursor, StatisticsFile& file) {
  file.run = take_digest(cursor, "the run's digest");
  file.model = take_digest(cursor, "the model's digest");
  file.shard = cursor.u64("the part's number");
  file.shards = cursor.u64("the number of parts");
  file.images = cursor.u64("the number of images");
  file.images_done = cursor.u64("the number of images done");
}

std::string fact_section(const StatisticsFile& file) {
  std::string out;
  append_varint(out, file.facts.size());
  for (const auto& [key, text] : file.facts) {
    append_text(out, key);
    append_text(out, text);
  }
  return out;
}

void read_fact_section(ByteCursor& cursor, StatisticsFile& file) {
  const std::uint64_t count = take_varint_up_to(cursor, kMostFacts, "the number of facts");
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string key = take_text(cursor, kMostFactBytes, "a fact's key");
    file.facts.emplace_back(std::move(key), take_text(cursor, kMostFactBytes, "a fact"));
  }
}

// Buckets as runs of keys without a gap: how many keys lie between the last run and this one, how many it
// has, and its counts, each as the difference to the one before. Neighbours differ by little: three quarters
// of the size of plain counts.
void append_buckets(std::string& out, const StoredStatistics& tensor) {
  const auto& buckets = tensor.buckets;
  append_varint(out, buckets.size());
  std::uint32_t next_key = 0;
  std::uint64_t count_before = 0;
  for (std::size_t begin = 0; begin < buckets.size();) {
    std::size_t end = begin + 1;
    while (end < buckets.size() && buckets[end].first == buckets[end - 1].first + 1) ++end;
    append_varint(out, buckets[begin].first - next_key);
    append_varint(out, end - begin);
    for (; begin < end; ++begin) {
      append_varint(out, zigzag(buckets[begin].second - count_before));
      count_before = buckets[begin].second;
    }
    next_key = buckets[end - 1].first + 1U;
  }
}

void take_buckets(ByteCursor& cursor, StoredStatistics& tensor) {
  const std::uint64_t size = take_varint_up_to(cursor, kKeys, "the number of buckets");
  if (size > cursor.remaining())  // a bucket has a byte at least
    refuse(fmt::format("{} buckets, but only {} bytes are left", size, cursor.remaining()));
  tensor.buckets.reserve(static_cast<std::size_t>(size));
  std::uint32_t next_key = 0;
  std::uint64_t count = 0;
  while (tensor.buckets.size() < size) {
    const auto gap =
        static_cast<std::uint32_t>(take_varint_up_to(cursor, kKeys - next_key, "a gap between buckets"));
    if (gap == 0 && next_key > 0) refuse("two runs of buckets have no gap between them");
    next_key += gap;
    const std::uint64_t most = std::min<std::uint64_t>(size - tensor.buckets.size(), kKeys - next_key);
    const std::uint64_t run = take_varint_up_to(cursor, most, "the length of a run of buckets");
    if (run == 0) refuse("a run of buckets is empty");
    for (std::uint64_t i = 0; i < run; ++i, ++next_key) {
      count += unzigzag(take_varint(cursor, "a bucket's count"));
      tensor.buckets.emplace_back(static_cast<std::uint16_t>(next_key), count);
    }
  }
}

std::string tensor_section(const StatisticsFile& file) {
  std::string out;
  append_varint(out, file.tensors.size());
  for (const auto& tensor : file.tensors) {
    append_text(out, tensor.tensor);
    for (const std::uint64_t number : {tensor.values, tensor.nans, tensor.infinities})
      append_varint(out, number);
    append_little_endian(out, tensor.max_bits, 4);
    append_buckets(out, tensor);
  }
  return out;
}

void read_tensor_section(ByteCursor& cursor, StatisticsFile& file) {
  const std::uint64_t count = take_varint_up_to(cursor, kMostTensors, "the number of tensors");
  for (std::uint64_t i = 0; i < count; ++i) {
    StoredStatistics tensor;
    tensor.tensor = take_text(cursor, kMostTensorNameBytes, "a tensor's name");
    within([&] { return fmt::format("tensor '{}'", escaped(tensor.tensor)); },
           [&] {
             tensor.values = take_varint(cursor, "the number of values");
             tensor.nans = take_varint(cursor, "the number of NaNs");
             tensor.infinities = take_varint(cursor, "the number of infinities");
             tensor.max_bits = cursor.u32("the largest value");
             take_buckets(cursor, tensor);
           });
    file.tensors.push_back(std::move(tensor));
  }
}

struct Section {
  std::string_view name;  // four letters
  std::string (*format)(const StatisticsFile&);
  void (*read)(ByteCursor&, StatisticsFile&);
};
constexpr Section kSections[] = {{"run ", run_section, read_run_section},
                                 {"fact", fact_section, read_fact_section},
                                 {"tens", tensor_section, read_tensor_section}};

}  // namespace

std::string format_statistics(const StatisticsFile& file) {
  check(file);
  std::string out(kMagic);
  append_little_endian(out, kVersion, 4);
  for (const auto& section : kSections) {
    const std::string content = section.format(file);
    check_size(out.size() + kSectionBytes + content.size() + 4);
    out += section.name;
    append_little_endian(out, content.size(), 4);
    out += content;
  }
  append_little_endian(out, crc32c(as_bytes(out)), 4);
  return out;
}

StatisticsFile parse_statistics(ByteView bytes) {
  if (!looks_like_statistics(bytes))
    refuse("this is not a file of calibration statistics: it begins otherwise");
  check_size(bytes.size());
  const auto wrong_checksum = [] {
    throw Error(Kind::kBadInput, "the checksum does not fit the content",
                "the file is damaged or cut off; copy it again");
  };
  if (bytes.size() < kFrameBytes) wrong_checksum();
  const ByteView content = bytes.first(bytes.size() - 4);
  if (ByteCursor(bytes.last(4)).u32("the checksum") != crc32c(content)) wrong_checksum();

  ByteCursor cursor(content);
  cursor.take(kMagic.size(), "the magic number");
  const std::uint32_t version = cursor.u32("the version");
  if (version == 0) refuse("version 0 of this format does not exist");
  if (version > kVersion)
    throw Error(Kind::kUnsupported,
                fmt::format("statistics of version {}, this etalon reads version {}", version, kVersion),
                "use a newer etalon");
  StatisticsFile file;
  for (const auto& section : kSections)
    within([&] { return fmt::format("section '{}'", section.name); },
           [&] {
             const std::string_view name = as_text(cursor.take(4, "a section's name"));
             if (name != section.name) refuse(fmt::format("section '{}' stands in its place", escaped(name)));
             ByteCursor inside(cursor.take(cursor.u32("a section's length"), "a section"));
             section.read(inside, file);
             if (inside.remaining() != 0) refuse(fmt::format("{} bytes are left over", inside.remaining()));
           });
  if (cursor.remaining() != 0)
    refuse(fmt::format("{} bytes stand after the last section", cursor.remaining()));
  check(file);
  return file;
}

bool looks_like_statistics(ByteView head) { return as_text(head).starts_with(kMagic); }

}  // namespace etalon
