// The directory at the end is the truth, as in every ZIP reader; local headers must agree with it, so that no
// other reader sees other members than we do.
#include "etalon/formats/zip_archive/zip_archive.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <set>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

// APPNOTE.TXT of PKWARE, 4.3.7, 4.3.12, 4.3.15 and 4.3.16. Sizes without name, extra field and comment.
constexpr std::uint32_t kLocalMark = 0x04034b50, kDirectoryMark = 0x02014b50, kEndMark = 0x06054b50,
                        kZip64LocatorMark = 0x07064b50;
constexpr std::size_t kLocalBytes = 30, kDirectoryEntryBytes = 46, kEndBytes = 22, kZip64LocatorBytes = 20;
constexpr std::size_t kMostCommentBytes = 65535;

constexpr std::uint16_t kStored = 0, kDeflated = 8;
constexpr std::uint16_t kEncrypted = 1 << 0, kSizesFollow = 1 << 3, kStronglyEncrypted = 1 << 6,
                        kMaskedHeader = 1 << 13;

constexpr std::uint16_t kInZip64_16 = 0xffff;
constexpr std::uint32_t kInZip64_32 = 0xffffffff;

[[noreturn]] void refuse(std::string problem, std::string hint = {}) {
  throw Error(Kind::kBadInput, std::move(problem), std::move(hint));
}

[[noreturn]] void refuse_zip64() {
  throw Error(Kind::kUnsupported, "the archive is a ZIP64, which is not read",
              "pack its members again without that, or give the folder they unpack to");
}

std::uint16_t u16(ByteCursor& cursor, std::string_view what) {
  const ByteView bytes = cursor.take(2, what);
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[0]) | std::to_integer<unsigned>(bytes[1])
                                                                              << 8);
}

std::uint32_t u32_at(ByteView file, std::size_t at) { return ByteCursor(file.subspan(at, 4)).u32("a mark"); }

struct End {
  std::size_t offset = 0;  // of itself
  std::uint16_t entries = 0;
  std::uint32_t directory_size = 0, directory_offset = 0;
};

// The last place whose comment reaches to the end of the file.
End find_end(ByteView file) {
  const std::size_t most = std::min(file.size(), kEndBytes + kMostCommentBytes);
  for (std::size_t back = kEndBytes; back <= most; ++back) {
    const std::size_t at = file.size() - back;
    if (u32_at(file, at) != kEndMark) continue;
    ByteCursor cursor(file.subspan(at + 4));
    const std::uint16_t disk = u16(cursor, "the end"), directory_disk = u16(cursor, "the end"),
                        entries_here = u16(cursor, "the end");
    End end;
    end.offset = at;
    end.entries = u16(cursor, "the end");
    end.directory_size = cursor.u32("the end");
    end.directory_offset = cursor.u32("the end");
    if (u16(cursor, "the end") != back - kEndBytes) continue;
    if ((at >= kZip64LocatorBytes && u32_at(file, at - kZip64LocatorBytes) == kZip64LocatorMark) ||
        end.entries == kInZip64_16 || end.directory_size == kInZip64_32 ||
        end.directory_offset == kInZip64_32)
      refuse_zip64();
    if (disk != 0 || directory_disk != 0 || entries_here != end.entries)
      throw Error(Kind::kUnsupported, "the archive is one of several disks, which is not read");
    if (std::uint64_t{end.directory_offset} + end.directory_size != at)
      refuse(fmt::format(
                 "the directory of {} bytes at {} does not end where the archive's last record begins, at {}",
                 end.directory_size, end.directory_offset, at),
             "the archive is cut off, or something was put before it");
    return end;
  }
  refuse("no ZIP archive: its last record is missing", looks_like_zip(file) ? "the archive is cut off" : "");
}

void check_name(std::string_view name) {
  const auto wrong = [&](std::string_view why) {
    refuse(fmt::format("the archive has a member '{}', whose name {}", escaped(name), why));
  };
  if (name.empty()) wrong("is empty");
  if (name.find('\0') != std::string_view::npos) wrong("holds a zero byte");
  if (name.find('\\') != std::string_view::npos) wrong("holds a backslash");
  if (name.front() == '/' || (name.size() > 1 && name[1] == ':')) wrong("is an absolute path");
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    if (name.substr(begin, end - begin) == "..") wrong("leads out of its folder");
    begin = end + 1;
  }
}

void check_size(const ZipMember& member) {
  if (member.is_stored() && member.size_bytes != member.packed.size())
    refuse(fmt::format("it is stored in {} bytes, but declares {}", member.packed.size(), member.size_bytes));
  if (member.method == kDeflated && member.size_bytes > kFreeBytesOfDeflated &&
      member.size_bytes / kMostTimesOfDeflated > member.packed.size())
    refuse(fmt::format("{} bytes are to become {}, more than {} times as many: this is a ZIP bomb",
                       member.packed.size(), member.size_bytes, kMostTimesOfDeflated));
}

struct Range {
  std::size_t begin, end, member;
};

// Fills in `packed`; all of the local header and the content is before `end`.
Range find_content(ByteView file, std::size_t offset, std::uint64_t packed_size, std::size_t end,
                   ZipMember& member) {
  const auto cut_off = [&] {
    refuse(fmt::format("its {} packed bytes at {} reach beyond the {} before the directory", packed_size,
                       offset, end));
  };
  if (offset > end || end - offset < kLocalBytes) cut_off();
  ByteCursor cursor(file.subspan(offset, end - offset));
  const char* what = "the local header";
  const bool is_local = cursor.u32(what) == kLocalMark;
  u16(cursor, what);  // version
  const std::uint16_t flags = u16(cursor, what), method = u16(cursor, what);
  cursor.u32(what);  // time and date
  const std::uint32_t crc = cursor.u32(what), packed = cursor.u32(what), size = cursor.u32(what);
  const std::uint16_t name_length = u16(cursor, what), extra_length = u16(cursor, what);
  const bool has_sizes = (flags & kSizesFollow) == 0;
  if (!is_local || method != member.method || as_text(cursor.take(name_length, "the name")) != member.name ||
      (has_sizes && (crc != member.crc32 || packed != packed_size || size != member.size_bytes)))
    refuse(fmt::format("the header at {} does not say what the directory does", offset),
           "the archive is damaged");
  cursor.take(extra_length, "the extra field");
  if (packed_size > cursor.remaining()) cut_off();
  member.packed = cursor.take(packed_size, "the content");
  return {offset, offset + cursor.offset(), 0};
}

[[noreturn]] void refuse_method(const ZipMember& member) {
  throw Error(
      Kind::kUnsupported,
      fmt::format("the archive's member '{}' is packed by method {}, expected 0 (stored) or 8 (deflate)",
                  escaped(member.name), member.method),
      "pack it again");
}

void check_not_encrypted(const ZipMember& member) {
  if ((member.flags & (kEncrypted | kStronglyEncrypted | kMaskedHeader)) != 0)
    throw Error(
        Kind::kUnsupported,
        fmt::format("the archive's member '{}' is encrypted with a ZIP password", escaped(member.name)),
        "pack it again without one");
}

void check_crc(const ZipMember& member, ByteView content) {
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size());
  if (crc != member.crc32)
    refuse(fmt::format("the archive's member '{}' has the CRC-32 {:08x}, but declares {:08x}",
                       escaped(member.name), crc, member.crc32),
           "the file is damaged");
}

struct Inflater {
  z_stream stream{};
  Inflater() {
    if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();  // no header: raw deflate
  }
  ~Inflater() { ::inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

}  // namespace

const ZipMember* ZipArchive::find(std::string_view name) const {
  const auto found = std::ranges::find(members, name, &ZipMember::name);
  return found == members.end() ? nullptr : &*found;
}

bool looks_like_zip(ByteView head) {
  if (head.size() < 4) return false;
  const std::uint32_t mark = u32_at(head, 0);
  return mark == kLocalMark || mark == kEndMark;  // the latter: of an archive without members
}

ZipArchive read_zip(ByteView file) {
  const End end = find_end(file);
  ByteCursor cursor(file.subspan(end.directory_offset, end.directory_size));
  ZipArchive archive;
  std::set<std::string> names;
  std::vector<Range> ranges;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < end.entries; ++i) {
    const std::string what = fmt::format("entry {} of {} of the archive's directory", i + 1, end.entries);
    if (cursor.u32(what) != kDirectoryMark)
      refuse(fmt::format("{} does not begin with its mark", what), "the archive is damaged");
    ZipMember member;
    cursor.u32(what);  // versions
    member.flags = u16(cursor, what);
    member.method = u16(cursor, what);
    cursor.u32(what);  // time and date
    member.crc32 = cursor.u32(what);
    const std::uint32_t packed_size = cursor.u32(what), size = cursor.u32(what);
    const std::uint16_t name_length = u16(cursor, what), extra_length = u16(cursor, what),
                        comment_length = u16(cursor, what), disk = u16(cursor, what);
    u16(cursor, what);  // internal attributes
    cursor.u32(what);   // external attributes
    const std::uint32_t offset = cursor.u32(what);
    member.name = as_text(cursor.take(name_length, what));
    cursor.take(std::uint64_t{extra_length} + comment_length, what);
    if (packed_size == kInZip64_32 || size == kInZip64_32 || offset == kInZip64_32 || disk == kInZip64_16)
      refuse_zip64();
    check_name(member.name);
    member.size_bytes = size;
    if (!names.insert(member.name).second)
      refuse(fmt::format("the archive has two members '{}'", escaped(member.name)));
    within([&] { return fmt::format("the archive's member '{}'", escaped(member.name)); },
           [&] {
             Range range = find_content(file, offset, packed_size, end.directory_offset, member);
             range.member = i;
             ranges.push_back(range);
             check_size(member);
           });
    total += size;
    archive.members.push_back(std::move(member));
  }
  if (cursor.remaining() != 0)
    refuse(fmt::format("the archive's directory has {} bytes more than its {} entries", cursor.remaining(),
                       end.entries));
  if (total > kMostUnpackedBytes)
    refuse(
        fmt::format("the archive's members have {} bytes, expected at most {}", total, kMostUnpackedBytes));
  std::ranges::sort(ranges, {}, &Range::begin);
  for (std::size_t i = 1; i < ranges.size(); ++i)
    if (ranges[i].begin < ranges[i - 1].end)
      refuse(fmt::format("the archive's members '{}' and '{}' overlap",
                         escaped(archive.members[ranges[i - 1].member].name),
                         escaped(archive.members[ranges[i].member].name)));
  return archive;
}

ByteView stored_content(const ZipMember& member, StoredCrc crc) {
  check_not_encrypted(member);
  if (!member.is_stored()) refuse_method(member);
  if (crc == StoredCrc::kCheck) check_crc(member, member.packed);
  return member.packed;
}

Bytes inflated(const ZipMember& member) {
  check_not_encrypted(member);
  if (member.method != kDeflated) refuse_method(member);
  Bytes content(static_cast<std::size_t>(member.size_bytes));
  Inflater inflater;
  z_stream& stream = inflater.stream;
  // zlib counts in 32 bits, and so do the sizes of an archive that is no ZIP64.
  static_assert(std::numeric_limits<uInt>::max() >= std::numeric_limits<std::uint32_t>::max());
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(member.packed.data()));
  stream.avail_in = static_cast<uInt>(member.packed.size());
  Bytef nothing = 0;  // an empty vector has no place, which zlib asks for
  stream.next_out = content.empty() ? &nothing : reinterpret_cast<Bytef*>(content.data());
  stream.avail_out = static_cast<uInt>(content.size());
  const int result = ::inflate(&stream, Z_FINISH);
  if (result == Z_MEM_ERROR) throw std::bad_alloc();
  if (result != Z_STREAM_END || stream.avail_in != 0 || stream.avail_out != 0)
    refuse(fmt::format("the archive's member '{}' does not inflate to the {} bytes that it declares",
                       escaped(member.name), member.size_bytes),
           "the file is damaged");
  check_crc(member, content);
  return content;
}

}  // namespace etalon
