#include "etalon/formats/zip_archive/zip_archive.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/base/message_of_test.hpp"
#include "etalon/formats/zip_archive/zip_of_test.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::uint32_t crc_of(const std::string& text) {
  return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

std::string deflated(const std::string& text) {  // by zlib, without its header
  std::string out(text.size() + 64, '\0');
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

TestMember stored(const std::string& name, const std::string& content) {
  return {.name = name, .content = content, .crc = crc_of(content)};
}
TestMember packed(const std::string& name, const std::string& content) {
  return {.name = name,
          .content = deflated(content),
          .method = 8,
          .crc = crc_of(content),
          .size = static_cast<std::uint32_t>(content.size())};
}

std::string reading(const std::string& file) {
  return message_of([&] { read_zip(as_bytes(file)); });
}

std::string content_of(const ZipMember& member) {
  if (member.is_stored()) return std::string(as_text(stored_content(member, StoredCrc::kCheck)));
  return std::string(as_text(inflated(member)));
}

TEST(ZipArchive, HasTheMembersThatPythonsZipfileWrote) {
  const fs::path folder = ETALON_TF_CHECKPOINT_TESTDATA;
  for (const char* name : {"trained.zip", "pruned.zip"}) {
    const Bytes file = read_file(folder / name);
    EXPECT_TRUE(looks_like_zip(file));
    const ZipArchive archive = read_zip(file);
    ASSERT_NE(archive.find("checkpoint"), nullptr);
    EXPECT_EQ(content_of(*archive.find("checkpoint")),
              "model_checkpoint_path: \"/tmp/tmpk2x8q1/model.ckpt-10\"\n");
    EXPECT_EQ(archive.find("checkpoints"), nullptr);
    for (const auto& member : archive.members) EXPECT_EQ(content_of(member).size(), member.size_bytes);
  }
}

TEST(ZipArchive, GivesStoredMembersAsPartOfTheFile) {
  const std::string file = zip_of({stored("a", "content"), stored("folder/", ""), stored("folder/b", "")});
  const ZipArchive archive = read_zip(as_bytes(file));
  ASSERT_EQ(archive.members.size(), 3U);
  EXPECT_EQ(as_text(archive.members[0].packed).data(), file.data() + file.find("content"));
  EXPECT_EQ(content_of(archive.members[0]), "content");
  EXPECT_EQ(content_of(archive.members[2]), "");
}

TEST(ZipArchive, InflatesMembersOfAnySize) {
  std::string large;
  for (int i = 0; i < 300'000; ++i) large += std::to_string(i % 7919);
  for (const std::string& content : {std::string(), std::string("x"), large}) {
    const std::string file = zip_of({packed("member", content)});
    EXPECT_EQ(content_of(read_zip(as_bytes(file)).members.at(0)), content);
  }
}

TEST(ZipArchive, TakesSizesFromTheDirectoryWhereTheyFollowTheContent) {
  TestMember member = packed("streamed", "content content content");
  member.flags = 8;
  const std::string file = zip_of({member, stored("next", "1")});
  const ZipArchive archive = read_zip(as_bytes(file));
  EXPECT_EQ(content_of(archive.members[0]), "content content content");
  EXPECT_EQ(content_of(archive.members[1]), "1");
}

TEST(ZipArchive, MayBeEmptyOrHaveAComment) {
  EXPECT_TRUE(read_zip(as_bytes(zip_of({}))).members.empty());
  EXPECT_TRUE(looks_like_zip(as_bytes(zip_of({}))));
  std::string file = zip_of({stored("a", "1")});
  file[file.size() - 2] = 3;
  EXPECT_EQ(read_zip(as_bytes(file + "abc")).members.size(), 1U);
  EXPECT_THAT(reading(file + "ab"), HasSubstr("last record is missing"));
}

TEST(ZipArchive, IsRefusedWhenItsNamesAreWrong) {
  const struct {
    std::string name;
    const char* problem;
  } table[] = {{"", "has a member '', whose name is empty"},
               {"/etc/passwd", "'/etc/passwd', whose name is an absolute path"},
               {"C:evil", "whose name is an absolute path"},
               {"..", "whose name leads out of its folder"},
               {"a/../../b", "'a/../../b', whose name leads out of its folder"},
               {"a/..", "whose name leads out of its folder"},
               {"..\\b", "'..\\b', whose name holds a backslash"},
               {std::string("a\0b", 3), "'a\\x00b', whose name holds a zero byte"}};
  for (const auto& [name, problem] : table)
    EXPECT_THAT(reading(zip_of({stored("good", "1"), stored(name, "1")})), HasSubstr(problem));
  for (const char* name : {"...", "a..b", "..a/b", "a./b", "ab:c", "folder/"})
    EXPECT_EQ(reading(zip_of({stored(name, "1")})), "no error") << name;
}

TEST(ZipArchive, IsRefusedWhenDamaged) {
  const std::string good = zip_of({stored("one", "content 1"), packed("two", "content 2")});
  const std::size_t directory = good.find("PK\1\2"), end = good.find("PK\5\6");
  const auto put = [&](std::size_t at, std::uint64_t number, std::size_t size) {
    return std::string(good).replace(at, size, little_endian(number, size));
  };
  const auto one = [&](auto change) {
    TestMember member = stored("one", "content 1");
    change(member);
    return zip_of({stored("zero", "0"), member});
  };
  const struct {
    const char* what;
    std::string file;
    const char* problem;
  } table[] = {
      {"nothing", "", "no ZIP archive"},
      {"text", "hello, this is no archive of any kind", "no ZIP archive"},
      {"HDF5", "\x89HDF\r\n\x1a\n and twenty bytes more of it", "no ZIP archive"},
      {"cut before the end", good.substr(0, end), "last record is missing (the archive is cut off)"},
      {"cut in the end", good.substr(0, good.size() - 1), "the archive is cut off"},
      {"cut in a member", good.substr(0, 40), "the archive is cut off"},
      {"a part is missing", good.substr(0, 35) + good.substr(45),
       "does not end where the archive's last record"},
      {"something before it", "#!/bin/sh\n" + good, "something was put before it"},
      {"directory beyond", put(end + 16, 1U << 31, 4), "does not end where"},
      {"directory of another size", put(end + 12, 3, 4), "does not end where"},
      {"more entries on this disk", put(end + 8, 3, 2), "several disks"},
      {"no mark", put(directory, 0, 4),
       "entry 1 of 2 of the archive's directory does not begin with its mark"},
      {"entry's name too long", put(directory + 28, 60000, 2), "needs 60000 bytes"},
      {"fewer entries", put(end + 8, 0x00010001, 4), "bytes more than its 1 entries"},
      {"other entry count", put(end + 8, 0x00030003, 4), "entry 3 of 3"},
      {"another disk", put(end + 4, 1, 2), "several disks"},
      {"zip64 count", put(end + 8, 0xffffffff, 4), "ZIP64"},
      {"zip64 offset", put(end + 16, 0xffffffff, 4), "ZIP64"},
      {"zip64 size", put(directory + 24, 0xffffffff, 4), "ZIP64"},
      {"zip64 packed size", put(directory + 20, 0xffffffff, 4), "ZIP64"},
      {"zip64 place", put(directory + 42, 0xffffffff, 4), "ZIP64"},
      {"zip64 locator", good.substr(0, end) + "PK\6\7" + std::string(16, '\0') + good.substr(end), "ZIP64"},
      {"local mark", put(0, 0, 4),
       "header at 0 does not say what the directory does, in the archive's member 'one'"},
      {"local method", put(8, 8, 2), "does not say what the directory does"},
      {"local size", put(22, 8, 4), "does not say what the directory does"},
      {"local name", one([](TestMember& m) { m.local_name = "two"; }),
       "does not say what the directory does"},
      {"size of a stored one", one([](TestMember& m) { m.size = 10; }), "stored in 9 bytes, but declares 10"},
      {"beyond the directory", one([](TestMember& m) { m.more_packed = 100, m.size = 109; }),
       "109 packed bytes at 35 reach beyond the"},
      {"header beyond", one([](TestMember& m) { m.offset = 1U << 30; }), "at 1073741824 reach beyond"},
      {"header in the directory", one([](TestMember& m) { m.offset = 80; }), "reach beyond the"},
      {"twice", zip_of({stored("a", "1"), stored("a", "2")}), "two members 'a'"},
      {"bomb", zip_of({{.name = "a", .content = std::string(1000, 'x'), .method = 8, .size = 1U << 28}}),
       "1000 bytes are to become 268435456, more than 200 times as many: this is a ZIP bomb"},
  };
  for (const auto& [what, file, problem] : table) EXPECT_THAT(reading(file), HasSubstr(problem)) << what;
}

TEST(ZipArchive, IsRefusedWhenMembersOverlap) {
  // The first member's content is a whole member, which the directory names too (as in the bomb of D.
  // Fifield).
  const std::string inner = zip_of({stored("b", "1")});
  TestMember outer = stored("a", inner.substr(0, inner.find("PK\1\2")));
  TestMember second = stored("b", "1");
  second.offset = 31;
  EXPECT_THAT(reading(zip_of({outer, second})), HasSubstr("members 'a' and 'b' overlap"));
}

TEST(ZipArchive, HasALimitForAllMembersTogether) {
  std::vector<TestMember> members;
  for (int i = 0; i < 9; ++i)  // each 1 GB, of 8 MB that are no deflate at all
    members.push_back(
        {.name = std::to_string(i), .content = std::string(8 << 20, 'x'), .method = 8, .size = 1U << 30});
  EXPECT_THAT(reading(zip_of(members)), HasSubstr("9663676416 bytes, expected at most 8589934592"));
}

TEST(ZipMember, IsRefusedWhenItsContentIsNotWhatItDeclares) {
  const auto said = [](TestMember member) {
    const std::string file = zip_of({member});
    const ZipArchive archive = read_zip(as_bytes(file));
    return message_of([&] { content_of(archive.members.at(0)); });
  };
  const auto changed = [](TestMember member, auto change) {
    change(member);
    return member;
  };
  const TestMember good = packed("m", "some content that is packed");
  EXPECT_EQ(said(good), "no error");
  EXPECT_THAT(said(changed(good, [](TestMember& m) { m.crc ^= 1; })), HasSubstr("member 'm' has the CRC-32"));
  EXPECT_THAT(said(changed(stored("m", "1"), [](TestMember& m) { m.crc ^= 1; })),
              HasSubstr("has the CRC-32"));
  for (const int size : {26, 28, 0, 5000})
    EXPECT_THAT(said(changed(good, [&](TestMember& m) { m.size = size; })),
                HasSubstr("does not inflate to the " + std::to_string(size) + " bytes"));
  EXPECT_THAT(said(changed(good, [](TestMember& m) { m.content += "x"; })), HasSubstr("does not inflate"));
  EXPECT_THAT(said(changed(good, [](TestMember& m) { m.content.pop_back(); })),
              HasSubstr("does not inflate"));
  EXPECT_THAT(said(changed(good, [](TestMember& m) { m.content.assign(m.content.size(), '\xff'); })),
              HasSubstr("does not inflate"));
  EXPECT_THAT(said(changed(good, [](TestMember& m) { m.flags = 1; })),
              HasSubstr("encrypted with a ZIP password"));
  EXPECT_THAT(said(changed(stored("m", "1"), [](TestMember& m) { m.flags = 1; })), HasSubstr("password"));
  EXPECT_THAT(said(changed(good, [](TestMember& m) { m.method = 14; })), HasSubstr("packed by method 14"));
  const std::string file = zip_of({good});
  const ZipArchive archive = read_zip(as_bytes(file));
  EXPECT_THAT(message_of([&] { stored_content(archive.members[0], StoredCrc::kLeaveToTheContent); }),
              HasSubstr("method 8"));
}

TEST(ZipArchive, IsKnownByItsFirstBytes) {
  EXPECT_FALSE(looks_like_zip({}));
  EXPECT_FALSE(looks_like_zip(as_bytes("PK\3")));
  EXPECT_FALSE(looks_like_zip(as_bytes("PK\1\2")));
  EXPECT_TRUE(looks_like_zip(as_bytes("PK\3\4")));
}

}  // namespace
}  // namespace etalon
