#include "etalon/formats/tf_checkpoint/tf_checkpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <bit>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "etalon/base/crc32c.hpp"
#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/base/message_of_test.hpp"
#include "etalon/formats/tf_checkpoint/sorted_table.hpp"
#include "etalon/formats/tf_checkpoint/tensor_bundle.pb.h"
#include "etalon/formats/zip_archive/zip_archive.hpp"
#include "etalon/formats/zip_archive/zip_of_test.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const fs::path kTestdata = ETALON_TF_CHECKPOINT_TESTDATA;

Bytes bytes_of(const std::string& text) {
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

std::string shape_text(const CheckpointVariable& variable) {
  std::string text;
  for (const auto side : variable.shape) text += (text.empty() ? "" : "x") + std::to_string(side);
  return text.empty() ? "-" : text;
}

std::uint32_t crc32_of(ByteView bytes) {
  return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string listed(const TfCheckpoint& checkpoint) {
  std::ostringstream out;
  for (const auto& variable : checkpoint.variables) {
    char crc[9];
    std::snprintf(crc, sizeof crc, "%08x", crc32_of(checkpoint.bytes(variable)));
    out << variable.name << ' ' << checkpoint_type_name(variable.type) << ' ' << shape_text(variable) << ' '
        << crc << '\n';
  }
  return out.str();
}

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (fs::temp_directory_path() / "etalon-checkpoint-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path = name;
  }
  ~ScratchFolder() { fs::remove_all(path); }
  void put(const std::string& name, const std::string& content) const {
    std::ofstream(path / name, std::ios::binary) << content;
  }
  fs::path path;
};

TEST(TfCheckpoint, HoldsWhatNumPyWrote) {
  const std::string expected(as_text(read_file(kTestdata / "expected.txt")));
  const TfCheckpoint trained = read_tf_checkpoint(kTestdata / "trained.zip");
  EXPECT_EQ(trained.stem, "model.ckpt-10");
  EXPECT_EQ(listed(trained), expected);
  const TfCheckpoint pruned = read_tf_checkpoint(kTestdata / "pruned.zip");  // deflated, two shards
  EXPECT_EQ(pruned.stem, "pruned.ckpt");
  EXPECT_EQ(pruned.shards.size(), 2U);
  EXPECT_EQ(listed(pruned), expected);
}

TEST(TfCheckpoint, IsTheSameInAFolderAndInMemory) {
  const Bytes file = read_file(kTestdata / "pruned.zip");
  const ScratchFolder folder;
  for (const auto& member : read_zip(file).members)
    folder.put(member.name, std::string(as_text(inflated(member))));
  const std::string expected(as_text(read_file(kTestdata / "expected.txt")));
  EXPECT_TRUE(looks_like_tf_checkpoint_folder(folder.path));
  EXPECT_FALSE(looks_like_tf_checkpoint_folder(kTestdata));
  EXPECT_FALSE(looks_like_tf_checkpoint_folder(kTestdata / "missing"));
  EXPECT_EQ(listed(read_tf_checkpoint(folder.path)), expected);
  TfCheckpoint copy;
  {
    const TfCheckpoint checkpoint = read_tf_checkpoint(Bytes(file));
    copy = checkpoint;
  }
  EXPECT_EQ(listed(copy), expected) << "a copy keeps the bytes alive";
}

TEST(TfCheckpoint, FindsVariablesByName) {
  const TfCheckpoint trained = read_tf_checkpoint(kTestdata / "trained.zip");
  const CheckpointVariable* step = trained.find("global_step");
  ASSERT_NE(step, nullptr);
  EXPECT_THAT(step->shape, ElementsAre());
  EXPECT_EQ(ByteCursor(trained.bytes(*step)).u64("the step"), 10U);
  EXPECT_NE(trained.find("conv1/kernel"), nullptr);
  EXPECT_NE(trained.find("wide"), nullptr);
  for (const char* name : {"", "conv1", "conv1/kerne", "conv1/kernel/", "zzz"})
    EXPECT_EQ(trained.find(name), nullptr) << name;
}

TEST(TfCheckpoint, SaysWhichVariableDoesNotFitItsCrc) {
  Bytes file = read_file(kTestdata / "trained.zip");
  const std::string first = "model.ckpt-10.data-00000-of-00001";
  const std::size_t begin = as_text(file).find(first) + first.size();
  file[begin + 17] ^= std::byte{1};
  const TfCheckpoint trained = read_tf_checkpoint(Bytes(file));
  EXPECT_THAT(message_of([&] { trained.bytes(*trained.find("block_1a_bn_1/gamma")); }),
              AllOf(HasSubstr("variable 'block_1a_bn_1/gamma' does not fit its CRC")));
  EXPECT_EQ(message_of([&] { trained.bytes(*trained.find("block_1a_bn_1/beta")); }), "no error");
}

// --- wrong checkpoints, made here ---

std::string varint(std::uint64_t n) {
  std::string out;
  for (; n > 127; n >>= 7) out += static_cast<char>(n | 128);
  return out + static_cast<char>(n);
}
std::string entry(const std::string& key, const std::string& value, std::uint64_t shared = 0) {
  return varint(shared) + varint(key.size()) + varint(value.size()) + key + value;
}
std::string restarts(const std::vector<std::uint32_t>& at) {
  std::string out;
  for (const auto n : at) out += little_endian(n, 4);
  return out + little_endian(at.size(), 4);
}
std::string with_tail(const std::string& block, char type = 0) {
  const std::string content = block + type;
  return content + little_endian(masked_crc(crc32c(as_bytes(content))), 4);
}
std::string handle(std::size_t offset, std::size_t size) { return varint(offset) + varint(size); }
std::string with_footer(const std::string& body, std::string handles) {
  handles.resize(40);
  return body + handles + little_endian(0xdb4775248b80fb57, 8);
}

// A table of these data blocks, whatever they hold.
std::string table_of(const std::vector<std::string>& blocks, std::vector<std::string> separators = {},
                     char type = 0) {
  std::string body, index;
  separators.resize(blocks.size(), "~");
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    index += entry(separators[i], handle(body.size(), blocks[i].size()));
    body += with_tail(blocks[i], type);
  }
  index += restarts({0});
  const std::string empty = restarts({0});
  const std::string handles =
      handle(body.size(), empty.size()) + handle(body.size() + empty.size() + 5, index.size());
  return with_footer(body + with_tail(empty) + with_tail(index), handles);
}
std::string table_of(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string block;
  for (const auto& [key, value] : entries) block += entry(key, value);
  return table_of(std::vector{block + restarts({0})});
}

std::string header_of(int shards, int endianness = 0, int min_consumer = 0) {
  tensor_bundle::Header header;
  header.set_num_shards(shards);
  header.set_endianness(endianness);
  header.mutable_version()->set_producer(1);
  header.mutable_version()->set_min_consumer(min_consumer);
  return header.SerializeAsString();
}
std::string entry_of(std::vector<std::int64_t> shape, std::int64_t offset, std::int64_t size, int type = 1,
                     int shard = 0) {
  tensor_bundle::Entry message;
  message.set_dtype(type);
  for (const auto side : shape) message.mutable_shape()->add_dim()->set_size(side);
  message.set_shard_id(shard);
  message.set_offset(offset);
  message.set_size(size);
  return message.SerializeAsString();
}

std::string reading_table(const std::string& file) {
  return message_of([&] { read_sorted_table(as_bytes(file), [](const std::string&, ByteView) {}); });
}

TEST(SortedTable, IsRefusedWhenDamaged) {
  const std::string two = entry("a", "1") + entry("b", "2");
  const std::string good = table_of(std::vector{two + restarts({0})});
  EXPECT_EQ(reading_table(good), "no error");
  EXPECT_EQ(reading_table(table_of(std::vector<std::string>{})), "no error");
  const auto block = [](const std::string& content) { return table_of(std::vector{content}); };
  const std::string long_key(1025, 'k');
  const struct {
    const char* what;
    std::string file;
    const char* problem;
  } table[] = {
      {"nothing", "", "0 bytes, expected at least the 48 of a footer"},
      {"shorter than a footer", good.substr(0, 47), "47 bytes, expected at least the 48"},
      {"cut off", good.substr(0, good.size() - 1), "not the mark of a checkpoint's index"},
      {"first part is missing", good.substr(10), "does not fit its CRC"},
      {"handles without end", with_footer("", std::string(40, '\xff')),
       "the footer is a number of more than 64 bits"},
      {"block beyond", with_footer(with_tail(restarts({0})), handle(0, 8) + handle(0, 9)),
       "the index block of 9 bytes at 0 is not inside the 13 bytes"},
      {"block far beyond", with_footer("", handle(UINT64_MAX, UINT64_MAX)), "is not inside the 0 bytes"},
      {"block that wraps around", with_footer(std::string(64, 'x'), handle(60, UINT64_MAX - 10)),
       "not inside"},
      {"wrong CRC", std::string(good).replace(4, 1, "x"),
       "a data block of 18 bytes at 0 does not fit its CRC"},
      {"snappy", table_of({two + restarts({0})}, {}, 1), "a data block at 0 is compressed (snappy)"},
      {"zstd", table_of({two + restarts({0})}, {}, 4), "a data block at 0 is compressed (type 4)"},
      {"no restart points", block(""), "does not end with its restart points"},
      {"none of them", block(two + little_endian(0, 4)), "does not end with its restart points"},
      {"too many of them", block(two + little_endian(1U << 30, 4)), "does not end with its restart points"},
      {"first not at 0", block(two + restarts({4})), "does not begin with a restart point"},
      {"not rising", block(two + restarts({0, 0})), "its restart points do not rise"},
      {"between entries", block(two + restarts({0, 2})), "no entry begins at its restart point 2"},
      {"beyond the entries", block(two + restarts({0, 900})), "no entry begins at its restart point 900"},
      {"shares at one", block(entry("a", "1") + entry("b", "2", 1) + restarts({0, 5})),
       "the entry at its restart point 5 shares bytes"},
      {"shares more than there is", block(entry("a", "1") + entry("b", "2", 2) + restarts({0})),
       "shares 2 bytes with a key of 1"},
      {"key beyond", block(varint(0) + varint(900) + varint(0) + "a" + restarts({0})),
       "a key needs 900 bytes"},
      {"value beyond", block(varint(0) + varint(1) + varint(900) + "a" + restarts({0})),
       "a value needs 900 bytes"},
      {"value far beyond", block(varint(0) + varint(1) + varint(UINT64_MAX) + "a" + restarts({0})),
       "has 18446744073709551615 bytes, expected at most 65536"},
      {"long value", block(entry("a", std::string((64 << 10) + 1, 'v')) + restarts({0})),
       "the value at 0 has 65537 bytes, expected at most 65536"},
      {"long key", block(entry(long_key, "") + restarts({0})), "has 0 + 1025 bytes, expected at most 1024"},
      {"long shared key", block(entry(long_key.substr(1), "") + entry("kk", "", 1023) + restarts({0})),
       "has 1023 + 2 bytes"},
      {"sum of key lengths wraps",
       block(entry("a", "") + varint(1) + varint(UINT64_MAX) + varint(0) + restarts({0})),
       "expected at most 1024"},
      {"same key twice", block(entry("a", "1") + entry("a", "2") + restarts({0})),
       "the key 'a' comes after 'a'"},
      {"falling keys", block(entry("b", "1") + entry("a", "2") + restarts({0})),
       "the key 'a' comes after 'b'"},
      {"same block twice",
       table_of({entry("a", "1") + restarts({0}), entry("a", "1") + restarts({0})}, {"a", "b"}),
       "the key 'a' comes after 'a'"},
      {"falling separators",
       table_of({entry("a", "1") + restarts({0}), entry("b", "1") + restarts({0})}, {"x", "x"}),
       "the key 'x' comes after 'x'"},
      {"separator too small", table_of({entry("b", "1") + restarts({0})}, {"a"}),
       "last key 'b' comes after its separator 'a'"},
  };
  for (const auto& [what, file, problem] : table)
    EXPECT_THAT(reading_table(file), HasSubstr(problem)) << what;
}

TEST(SortedTable, HasALimitOfEntries) {
  std::string block;
  for (int i = 0; i <= 100'000; ++i) {
    const std::string key{static_cast<char>(i >> 16), static_cast<char>(i >> 8), static_cast<char>(i)};
    block += entry(key, "");
  }
  EXPECT_THAT(reading_table(table_of({block + restarts({0})}, {"\xff"})),
              HasSubstr("more than 100000 entries"));
}

using Entries = std::vector<std::pair<std::string, std::string>>;

std::string reading_index(const Entries& entries, const std::string& shard = std::string(64, '\0')) {
  const std::string file = zip_of({{.name = "m.index", .content = table_of(entries)},
                                   {.name = "m.data-00000-of-00001", .content = shard}});
  return message_of([&] { read_tf_checkpoint(bytes_of(file)); });
}

TEST(TfCheckpoint, IsRefusedWhenItsIndexIsWrong) {
  const std::string header = header_of(1), good = entry_of({2, 3}, 0, 24);
  EXPECT_EQ(reading_index({{"", header}, {"a", good}}), "no error");
  tensor_bundle::Entry unknown_rank;
  unknown_rank.set_dtype(1);
  unknown_rank.mutable_shape()->set_unknown_rank(true);
  tensor_bundle::Entry partitioned;
  partitioned.set_dtype(1);
  for (int i = 0; i < 3; ++i) partitioned.mutable_shape()->add_dim()->set_size(1LL << 31);
  partitioned.add_slices();
  std::string sides;
  for (int i = 0; i < 40'000; ++i) sides += std::string("\x12\0", 2);
  const std::string endless_shape = "\x12" + varint(sides.size()) + sides;
  const std::int64_t most = INT64_MAX;
  const struct {
    const char* what;
    Entries entries;
    const char* problem;
  } table[] = {
      {"no header", {{"a", good}}, "the first key is not the header's"},
      {"nothing", {}, "it holds no entry, not even a header"},
      {"header no message", {{"", "\xff\xff"}}, "the header is no protobuf message"},
      {"no shard", {{"", header_of(0)}}, "declares 0 shards, expected 1 to 10000"},
      {"shards below zero", {{"", header_of(-1)}}, "declares -1 shards"},
      {"too many shards", {{"", header_of(2'000'000'000)}}, "declares 2000000000 shards"},
      {"big-endian", {{"", header_of(1, 1)}}, "big-endian"},
      {"newer", {{"", header_of(1, 0, 2)}}, "asks for a reader of version 2"},
      {"missing shard", {{"", header_of(2)}}, "the archive lacks 'm.data-00000-of-00002', one of the 2"},
      {"entry no message", {{"", header}, {"a", "\x0a"}}, "its entry is no protobuf message"},
      {"unknown type", {{"", header}, {"a", entry_of({}, 0, 4, 99)}}, "data type 99, which is not read"},
      {"no type", {{"", header}, {"a", entry_of({}, 0, 4, 0)}}, "data type 0"},
      {"wrong type",
       {{"", header}, {"a", entry_of({2, 3}, 0, 24, 2)}},
       "2x3 of float64 stands in 24 bytes, expected 48"},
      {"wrong shape",
       {{"", header}, {"a", entry_of({2, 2}, 0, 24)}},
       "2x2 of float32 stands in 24 bytes, expected 16"},
      {"wrong scalar", {{"", header}, {"a", entry_of({}, 0, 8)}}, "a scalar of float32 stands in 8 bytes"},
      {"shape overflows",
       {{"", header}, {"a", entry_of({most, most}, 0, 4)}},
       "9223372036854775807x9223372036854775807 has more numbers than 1099511627776"},
      {"size overflows",
       {{"", header}, {"a", entry_of({1LL << 62}, 0, 0)}},
       "its shape 4611686018427387904 has more numbers than 1099511627776"},
      {"most numbers",
       {{"", header}, {"a", entry_of({1LL << 40}, 0, 0)}},
       "1099511627776 of float32 stands in 0 bytes, expected 4398046511104"},
      {"strings overflow", {{"", header}, {"a", entry_of({1LL << 41}, 0, 0, 7)}}, "has more numbers than"},
      {"a partitioned variable overflows",
       {{"", header}, {"a", partitioned.SerializeAsString()}},
       "has more numbers than"},
      {"sides without end",  // which would take 30 times as much in memory
       {{"", header}, {"a", endless_shape}},
       "has 80004 bytes, expected at most 65536"},
      {"side below zero", {{"", header}, {"a", entry_of({-1, -4}, 0, 16)}}, "its shape has a side of -1"},
      {"too many sides",
       {{"", header}, {"a", entry_of(std::vector<std::int64_t>(255, 1), 0, 4)}},
       "255 dimensions"},
      {"unknown rank", {{"", header}, {"a", unknown_rank.SerializeAsString()}}, "its shape is not known"},
      {"other shard",
       {{"", header}, {"a", entry_of({1}, 0, 4, 1, 1)}},
       "it stands in shard 1, expected 0 to 0"},
      {"shard below zero", {{"", header}, {"a", entry_of({1}, 0, 4, 1, -1)}}, "it stands in shard -1"},
      {"offset below zero", {{"", header}, {"a", entry_of({1}, -4, 4)}}, "4 bytes at offset -4"},
      {"size below zero", {{"", header}, {"a", entry_of({1}, 0, -4)}}, "-4 bytes at offset 0"},
      {"beyond the shard",
       {{"", header}, {"a", entry_of({1}, 61, 4)}},
       "not inside the 64 bytes of its shard 0"},
      {"far beyond the shard",
       {{"", header}, {"a", entry_of({1}, most, 4)}},
       "variable 'a' has 4 bytes at offset"},
      {"overlap",
       {{"", header}, {"a", entry_of({2}, 4, 8)}, {"b", entry_of({2}, 0, 8)}},
       "variable 'b' and variable 'a' overlap in shard 0: 8 bytes at offset 0, 8 at 4"},
      {"the same place", {{"", header}, {"a", entry_of({2}, 0, 8)}, {"b", entry_of({2}, 0, 8)}}, "overlap"},
      {"a string's place", {{"", header}, {"a", entry_of({1}, 60, 8, 7)}}, "variable 'a' has 8 bytes"},
      {"overlap of a piece",
       {{"", header}, {std::string("\0p", 2), entry_of({2}, 0, 8)}, {"b", good}},
       "variable 'b' and a piece of a partitioned variable overlap"},
  };
  for (const auto& [what, entries, problem] : table)
    EXPECT_THAT(reading_index(entries), HasSubstr(problem)) << what;
  EXPECT_THAT(reading_index({{"", header}, {"a", entry_of({1}, 0, 8)}}),
              HasSubstr("in variable 'a', in 'm.index'"));
  EXPECT_THAT(reading_index({{"a", good}}), HasSubstr("in 'm.index'"));
}

TEST(TfCheckpoint, HasAnIndexOfAtMost16MiB) {
  const std::string large(std::size_t{17} << 20, '\0');
  std::string packed(large.size(), '\0');
  z_stream deflater{};
  ASSERT_EQ(::deflateInit2(&deflater, 9, Z_DEFLATED, -15, 9, Z_HUFFMAN_ONLY), Z_OK);  // an eighth
  deflater.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(large.data()));
  deflater.avail_in = static_cast<uInt>(large.size());
  deflater.next_out = reinterpret_cast<Bytef*>(packed.data());
  deflater.avail_out = static_cast<uInt>(packed.size());
  ASSERT_EQ(::deflate(&deflater, Z_FINISH), Z_STREAM_END);
  packed.resize(deflater.total_out);
  ::deflateEnd(&deflater);
  const auto size = static_cast<std::uint32_t>(large.size());
  const auto said = HasSubstr("an index of 17825792 bytes, expected at most 16777216, in 'm.index'");
  for (const auto& member : {TestMember{.name = "m.index", .content = large},
                             TestMember{.name = "m.index", .content = packed, .method = 8, .size = size}})
    EXPECT_THAT(message_of([&] { read_tf_checkpoint(bytes_of(zip_of({member}))); }), said);
  const ScratchFolder folder;
  folder.put("m.index", large);
  EXPECT_THAT(message_of([&] { read_tf_checkpoint(folder.path); }), said);
}

TEST(TfCheckpoint, IsTheOneOfAFolderWhoseIndexIsNamed) {
  const ScratchFolder folder;
  const std::string index = table_of(Entries{{"", header_of(1)}});
  for (const std::string stem : {"model.ckpt-9", "model.ckpt-10"}) {
    folder.put(stem + ".index", index);
    folder.put(stem + ".data-00000-of-00001", "");
  }
  EXPECT_THAT(message_of([&] { read_tf_checkpoint(folder.path); }),
              AllOf(HasSubstr("holds 2 checkpoints"), HasSubstr("name one by its '.index' file")));
  for (const std::string stem : {"model.ckpt-9", "model.ckpt-10"}) {
    EXPECT_TRUE(looks_like_tf_checkpoint_index(folder.path / (stem + ".index")));
    EXPECT_EQ(read_tf_checkpoint(folder.path / (stem + ".index")).stem, stem);
  }
  folder.put("cut.index", index.substr(0, index.size() - 1));
  folder.put("short.index", "x");
  folder.put("index", index);
  folder.put(".index", index);
  fs::create_directory(folder.path / "sub.index");
  for (const char* name : {"cut.index", "short.index", "index", ".index", "sub.index", "missing.index",
                           "model.ckpt-9.data-00000-of-00001"})
    EXPECT_FALSE(looks_like_tf_checkpoint_index(folder.path / name)) << name;
  EXPECT_THAT(message_of([&] { read_tf_checkpoint(folder.path / "cut.index"); }),
              HasSubstr("not the mark of a checkpoint's index, in 'cut.index'"));
  fs::remove(folder.path / "model.ckpt-9.data-00000-of-00001");
  EXPECT_THAT(message_of([&] { read_tf_checkpoint(folder.path / "model.ckpt-9.index"); }),
              HasSubstr("the folder lacks 'model.ckpt-9.data-00000-of-00001'"));
  fs::copy_file(kTestdata / "trained.zip", folder.path / "zip.index");
  EXPECT_EQ(read_tf_checkpoint(folder.path / "zip.index").stem, "model.ckpt-10") << "a ZIP of that name";
}

TEST(TfCheckpoint, CountsItsNumbers) {
  EXPECT_EQ(number_count({}), 1U);
  EXPECT_EQ(number_count({7, 7, 3, 64}), 9408U);
  EXPECT_EQ(number_count({5, 0, 5}), 0U);
  EXPECT_EQ(number_count({5, -1}), 0U);
  EXPECT_EQ(number_count({1 << 20, 1 << 20}), kMostNumbers);
  EXPECT_THAT(message_of([] { number_count({1 << 20, 1 << 20, 2}); }), HasSubstr("more numbers than"));
}

TEST(TfCheckpoint, IsFoundByTheNamesOfItsMembers) {
  const std::string index = table_of(Entries{{"", header_of(1)}});
  const auto said = [&](std::vector<TestMember> members) {
    const std::string file = zip_of(members);
    return message_of([&] { EXPECT_EQ(read_tf_checkpoint(bytes_of(file)).stem, "m"); });
  };
  const TestMember m{.name = "m.index", .content = index},
      data{.name = "m.data-00000-of-00001", .content = ""};
  EXPECT_EQ(said({m, data}), "no error");
  EXPECT_EQ(
      said({{.name = "sub/m.index", .content = index}, {.name = "sub/m.data-00000-of-00001", .content = ""}}),
      "no error");
  EXPECT_THAT(said({data}),
              HasSubstr("no TensorFlow checkpoint: the archive has no member that ends in '.index'"));
  EXPECT_THAT(said({{.name = ".index", .content = index}}), HasSubstr("no TensorFlow checkpoint"));
  EXPECT_THAT(said({m, {.name = "a.index", .content = index}, data}),
              HasSubstr("the archive holds 2 checkpoints: 'a', 'm'"));
  EXPECT_THAT(said({m}),
              HasSubstr("the archive lacks 'm.data-00000-of-00001', one of the 1 that 'm.index' declares"));
  EXPECT_THAT(said({{.name = "m.index", .content = index.substr(0, index.size() - 1)}, data}),
              HasSubstr("not the mark of a checkpoint's index, in 'm.index'"));
  EXPECT_THAT(message_of([&] { read_tf_checkpoint(bytes_of("no archive")); }), HasSubstr("no ZIP archive"));

  const ScratchFolder folder;
  const auto said_of_folder = [&] { return message_of([&] { read_tf_checkpoint(folder.path); }); };
  EXPECT_THAT(said_of_folder(), HasSubstr("the folder has no file that ends in '.index'"));
  folder.put("m.index", index);
  EXPECT_THAT(said_of_folder(), HasSubstr("the folder lacks 'm.data-00000-of-00001'"));
  folder.put("m.data-00000-of-00001", "");
  EXPECT_EQ(said_of_folder(), "no error");
  folder.put("n.index", index);
  EXPECT_THAT(said_of_folder(), HasSubstr("the folder holds 2 checkpoints: 'm', 'n'"));
  EXPECT_THAT(message_of([&] { read_tf_checkpoint(folder.path / "missing"); }), HasSubstr("missing'"));
}

// --- real data ---

class SuppliedCheckpoints : public testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("ETALON_DATA");
    if (data == nullptr)
      GTEST_SKIP() << "ETALON_DATA is not set: no checkpoints of NVIDIA's and TensorFlow's to read";
    folder = fs::path(data) / "models/mask_rcnn";
  }
  fs::path folder;
};

// The raw numbers of an array in NumPy's format.
std::string array_of(ByteView npy) {
  const std::string_view text = as_text(npy);
  return std::string(text.substr(text.find('\n') + 1));
}

TEST_F(SuppliedCheckpoints, OfTwoShardsEqualTensorFlowsValues) {
  const TfCheckpoint checkpoint = read_tf_checkpoint(folder / "two_shards");
  EXPECT_EQ(checkpoint.stem, "model.ckpt-3");
  const Bytes values = read_file(folder / "two_shards/values.npz");
  std::size_t compared = 0;
  for (const auto& member : read_zip(values).members) {
    const std::string name = member.name.substr(0, member.name.size() - 4);  // without .npy
    const CheckpointVariable* variable = checkpoint.find(name);
    ASSERT_NE(variable, nullptr) << name;
    if (variable->is_partitioned || variable->type == CheckpointType::kString) {
      EXPECT_THAT(message_of([&] { checkpoint.bytes(*variable); }),
                  HasSubstr("variable '" + name + (name == "part" ? "' is partitioned" : "' holds strings")));
      continue;
    }
    const Bytes unpacked =
        member.is_stored() ? Bytes(member.packed.begin(), member.packed.end()) : inflated(member);
    EXPECT_EQ(std::string(as_text(checkpoint.bytes(*variable))), array_of(unpacked)) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 6U);
  EXPECT_EQ(checkpoint.variables.size(), 8U);
}

TEST_F(SuppliedCheckpoints, OfMaskRcnnHoldTheSameWeightsWithAndWithoutSlots) {
  const TfCheckpoint mini = read_tf_checkpoint(folder / "mini.tlt"),
                     train = read_tf_checkpoint(folder / "mini_train.tlt");
  EXPECT_EQ(mini.stem, "model.ckpt-10");
  EXPECT_EQ(mini.variables.size(), 108U);
  EXPECT_EQ(train.variables.size(), 189U);
  for (const auto& variable : mini.variables) {
    const CheckpointVariable* same = train.find(variable.name);
    ASSERT_NE(same, nullptr) << variable.name;
    EXPECT_EQ(variable.shape, same->shape);
    EXPECT_EQ(as_text(mini.bytes(variable)), as_text(train.bytes(*same))) << variable.name;
  }
  EXPECT_EQ(ByteCursor(mini.bytes(*mini.find("global_step"))).u64("step"), 10U);
}

TEST_F(SuppliedCheckpoints, OfMaskRcnnFitTheirCrcsAndTheirLists) {
  const TfCheckpoint pruned = read_tf_checkpoint(folder / "pruned.tlt");
  EXPECT_EQ(pruned.stem, "pruned.ckpt");
  EXPECT_EQ(pruned.find("global_step"), nullptr);
  EXPECT_EQ(pruned.variables.size(), 107U);
  for (const auto& variable : pruned.variables)
    EXPECT_EQ(message_of([&] { pruned.bytes(variable); }), "no error");
  // The same names as the full-width network has.
  std::ifstream list(folder / "variables/resnet10.txt");
  std::size_t count = 0;
  for (std::string name, shape; list >> name && std::getline(list, shape);) {
    if (name == "global_step" || name.starts_with('#')) continue;
    EXPECT_NE(pruned.find(name), nullptr) << name;
    ++count;
  }
  EXPECT_EQ(count, 107U);
}

}  // namespace
}  // namespace etalon
