#include "etalon/formats/tf_checkpoint/tf_checkpoint.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <span>
#include <tuple>

#include "etalon/base/crc32c.hpp"
#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/formats/tf_checkpoint/sorted_table.hpp"
#include "etalon/formats/tf_checkpoint/tensor_bundle.pb.h"
#include "etalon/formats/zip_archive/zip_archive.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIndexEnding = ".index";
// A real one has less than 100 KB. What it holds may take four times as much in memory (shapes of 254 sides,
// 2 bytes each there and 8 here), and a ZIP may pack it two hundredfold.
constexpr std::uint64_t kMostIndexBytes = std::uint64_t{16} << 20;
constexpr std::int32_t kMostShards = 10'000;
constexpr int kMostDimensions = 254;        // TensorShape::MaxDimensions of TensorFlow
constexpr std::int32_t kBundleVersion = 1;  // kTensorBundleVersion; raised when old readers would go wrong

struct TypeFacts {
  CheckpointType type;
  std::string_view name;
  std::uint64_t size_bytes;  // of one number; 0: varies
};
constexpr TypeFacts kTypes[] = {
    {CheckpointType::kFloat32, "float32", 4},
    {CheckpointType::kFloat64, "float64", 8},
    {CheckpointType::kInt32, "int32", 4},
    {CheckpointType::kUint8, "uint8", 1},
    {CheckpointType::kInt16, "int16", 2},
    {CheckpointType::kInt8, "int8", 1},
    {CheckpointType::kString, "string", 0},
    {CheckpointType::kComplex64, "complex64", 8},
    {CheckpointType::kInt64, "int64", 8},
    {CheckpointType::kBool, "bool", 1},
    {CheckpointType::kBfloat16, "bfloat16", 2},
    {CheckpointType::kUint16, "uint16", 2},
    {CheckpointType::kComplex128, "complex128", 16},
    {CheckpointType::kFloat16, "float16", 2},
    {CheckpointType::kUint32, "uint32", 4},
    {CheckpointType::kUint64, "uint64", 8},
};

[[noreturn]] void refuse(std::string problem, std::string hint = {}) {
  throw Error(Kind::kBadInput, std::move(problem), std::move(hint));
}

std::string variable_named(std::string_view name) { return fmt::format("variable '{}'", escaped(name)); }

const TypeFacts* facts_of(std::int64_t type) {
  const auto found = std::ranges::find_if(
      kTypes, [&](const TypeFacts& facts) { return static_cast<std::int64_t>(facts.type) == type; });
  return found == std::end(kTypes) ? nullptr : &*found;
}

// --- the index ---

template <class Message>
Message parsed(ByteView bytes, std::string_view what) {
  Message message;
  if (bytes.size() > INT32_MAX || !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    refuse(fmt::format("{} is no protobuf message of its kind", what), "the file is damaged");
  return message;
}

std::uint32_t shard_count_of(ByteView value) {
  const auto header = parsed<tensor_bundle::Header>(value, "the header");
  if (header.endianness() != 0)
    throw Error(Kind::kUnsupported, "the checkpoint was written by a big-endian machine, which is not read");
  if (header.version().min_consumer() > kBundleVersion)
    throw Error(Kind::kUnsupported,
                fmt::format("the checkpoint asks for a reader of version {}, this one is of {}",
                            header.version().min_consumer(), kBundleVersion));
  if (header.num_shards() < 1 || header.num_shards() > kMostShards)
    refuse(fmt::format("the header declares {} shards, expected 1 to {}", header.num_shards(), kMostShards));
  return static_cast<std::uint32_t>(header.num_shards());
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return shape.empty() ? "a scalar" : fmt::format("{}", fmt::join(shape, "x"));
}

std::vector<std::int64_t> shape_from(const tensor_bundle::Shape& message) {
  if (message.unknown_rank()) refuse("its shape is not known");
  if (message.dim_size() > kMostDimensions)
    refuse(
        fmt::format("its shape has {} dimensions, expected at most {}", message.dim_size(), kMostDimensions));
  std::vector<std::int64_t> shape;
  for (const auto& dim : message.dim()) {
    if (dim.size() < 0) refuse(fmt::format("its shape has a side of {}", dim.size()));
    shape.push_back(dim.size());
  }
  return shape;
}

void check_size(const CheckpointVariable& variable, std::uint64_t numbers, const TypeFacts& facts) {
  if (facts.size_bytes == 0) return;
  const std::uint64_t expected = numbers * facts.size_bytes;
  if (expected != variable.size_bytes)
    refuse(fmt::format("{} of {} stands in {} bytes, expected {}", shape_text(variable.shape), facts.name,
                       variable.size_bytes, expected));
}

CheckpointVariable variable_from(const std::string& name, ByteView value, std::uint32_t shard_count) {
  const auto entry = parsed<tensor_bundle::Entry>(value, "its entry");
  const TypeFacts* facts = facts_of(entry.dtype());
  if (facts == nullptr)
    throw Error(Kind::kUnsupported,
                fmt::format("its values are of TensorFlow's data type {}, which is not read", entry.dtype()));
  CheckpointVariable variable;
  variable.name = name;
  variable.type = facts->type;
  variable.shape = shape_from(entry.shape());
  const std::uint64_t numbers = number_count(variable.shape);
  variable.is_partitioned = entry.slices_size() > 0;
  if (variable.is_partitioned) return variable;
  if (entry.shard_id() < 0 || static_cast<std::uint32_t>(entry.shard_id()) >= shard_count)
    refuse(fmt::format("it stands in shard {}, expected 0 to {}", entry.shard_id(), shard_count - 1));
  if (entry.offset() < 0 || entry.size() < 0)
    refuse(fmt::format("it has {} bytes at offset {}", entry.size(), entry.offset()));
  variable.shard = static_cast<std::uint32_t>(entry.shard_id());
  variable.offset = static_cast<std::uint64_t>(entry.offset());
  variable.size_bytes = static_cast<std::uint64_t>(entry.size());
  variable.masked_crc = entry.crc32c();
  check_size(variable, numbers, *facts);
  return variable;
}

struct CheckpointIndex {
  std::uint32_t shard_count = 0;
  std::vector<CheckpointVariable> variables;  // sorted by name
  std::vector<CheckpointVariable> pieces;     // of partitioned variables; their names are no texts
};

void check_index_size(std::uint64_t size_bytes) {
  if (size_bytes > kMostIndexBytes)
    refuse(fmt::format("an index of {} bytes, expected at most {}", size_bytes, kMostIndexBytes));
}

CheckpointIndex parse_index(ByteView bytes) {
  check_index_size(bytes.size());
  CheckpointIndex index;
  bool has_header = false;
  read_sorted_table(bytes, [&](const std::string& key, ByteView value) {
    if (!has_header) {
      if (!key.empty()) refuse("the first key is not the header's", "this is no index of a checkpoint");
      index.shard_count = shard_count_of(value);
      has_header = true;
      return;
    }
    const bool is_piece = key.front() == '\0';
    within(
        [&] { return is_piece ? "a piece of a partitioned variable" : variable_named(key); },
        [&] {
          (is_piece ? index.pieces : index.variables).push_back(variable_from(key, value, index.shard_count));
        });
  });
  if (!has_header) refuse("it holds no entry, not even a header");
  return index;
}

// --- variables in their shards ---

std::string name_of(const CheckpointVariable& variable) {
  return variable.name.starts_with('\0') ? "a piece of a partitioned variable"
                                         : variable_named(variable.name);
}

void check_placement(const CheckpointIndex& index, const std::vector<ByteView>& shards) {
  std::vector<const CheckpointVariable*> placed;
  for (const auto* list : {&index.variables, &index.pieces})
    for (const auto& variable : *list) {
      const std::uint64_t size = shards.at(variable.shard).size();
      if (variable.offset > size || variable.size_bytes > size - variable.offset)
        refuse(fmt::format("{} has {} bytes at offset {}, which is not inside the {} bytes of its shard {}",
                           name_of(variable), variable.size_bytes, variable.offset, size, variable.shard),
               "the shard is cut off, or of another checkpoint");
      if (variable.size_bytes > 0) placed.push_back(&variable);
    }
  std::ranges::stable_sort(placed, {}, [](const CheckpointVariable* variable) {
    return std::tie(variable->shard, variable->offset);
  });
  for (std::size_t i = 1; i < placed.size(); ++i) {
    const CheckpointVariable &before = *placed[i - 1], &after = *placed[i];
    if (before.shard == after.shard && after.offset - before.offset < before.size_bytes)
      refuse(fmt::format("{} and {} overlap in shard {}: {} bytes at offset {}, {} at {}", name_of(before),
                         name_of(after), before.shard, before.size_bytes, before.offset, after.size_bytes,
                         after.offset));
  }
}

// --- the files of a checkpoint, in an archive or in a folder ---

std::string shard_name(const std::string& path_stem, std::uint32_t shard, std::uint32_t count) {
  return fmt::format("{}.data-{:05}-of-{:05}", path_stem, shard, count);
}

// The one name that ends in ".index", without that.
std::string stem_among(const std::vector<std::string>& names, std::string_view where, std::string_view one,
                       std::string_view way_out) {
  std::vector<std::string> stems;
  for (const auto& name : names)
    if (name.ends_with(kIndexEnding) && name.size() > kIndexEnding.size())
      stems.push_back(name.substr(0, name.size() - kIndexEnding.size()));
  if (stems.empty())
    refuse(fmt::format("no TensorFlow checkpoint: the {} has no {} that ends in '.index'", where, one));
  std::ranges::sort(stems);
  if (stems.size() > 1)
    refuse(fmt::format("the {} holds {} checkpoints: '{}', '{}'{}", where, stems.size(), escaped(stems[0]),
                       escaped(stems[1]), stems.size() > 2 ? ", ..." : ""),
           std::string(way_out));
  return stems[0];
}

std::string without_folders(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// Bytes that live as long as the checkpoint.
struct Storage {
  std::vector<std::unique_ptr<const Bytes>> contents;
  std::vector<std::unique_ptr<const MappedFile>> files;

  ByteView keep(Bytes bytes) {
    contents.push_back(std::make_unique<const Bytes>(std::move(bytes)));
    return *contents.back();
  }
  ByteView map(const fs::path& path) {
    files.push_back(std::make_unique<const MappedFile>(path));
    return files.back()->bytes();
  }
};

// `content_of(name)`: of one file of the checkpoint, nullopt: it is not there.
template <class ContentOf>
TfCheckpoint read_files(const std::string& path_stem, std::string_view where, ContentOf content_of) {
  const std::string index_name = path_stem + std::string(kIndexEnding);
  CheckpointIndex index = within([&] { return fmt::format("'{}'", escaped(index_name)); },
                                 [&] { return parse_index(content_of(index_name).value()); });
  TfCheckpoint checkpoint;
  checkpoint.stem = without_folders(path_stem);
  for (std::uint32_t shard = 0; shard < index.shard_count; ++shard) {
    const std::string name = shard_name(path_stem, shard, index.shard_count);
    const std::optional<ByteView> content = content_of(name);
    if (!content)
      refuse(fmt::format("the {} lacks '{}', one of the {} that '{}' declares", where, escaped(name),
                         index.shard_count, escaped(index_name)));
    checkpoint.shards.push_back(*content);
  }
  check_placement(index, checkpoint.shards);
  checkpoint.variables = std::move(index.variables);
  return checkpoint;
}

// `zip` and what holds it.
TfCheckpoint read_archive(ByteView zip, std::shared_ptr<const void> holder) {
  const ZipArchive archive = read_zip(zip);
  std::vector<std::string> names;
  for (const auto& member : archive.members) names.push_back(member.name);
  struct Both {
    std::shared_ptr<const void> archive;
    Storage inflated;
  };
  auto storage = std::make_shared<Both>();
  storage->archive = std::move(holder);
  bool is_viewed = false;
  TfCheckpoint checkpoint = read_files(stem_among(names, "archive", "member", "keep one of them there"),
                                       "archive", [&](const std::string& name) -> std::optional<ByteView> {
                                         const ZipMember* member = archive.find(name);
                                         if (member == nullptr) return std::nullopt;
                                         const bool is_index = name.ends_with(kIndexEnding);
                                         if (is_index) check_index_size(member->size_bytes);
                                         if (!member->is_stored())
                                           return storage->inflated.keep(inflated(*member));
                                         is_viewed = is_viewed || !is_index;
                                         return stored_content(*member, StoredCrc::kLeaveToTheContent);
                                       });
  if (!is_viewed) storage->archive.reset();  // all shards were inflated
  checkpoint.storage = std::move(storage);
  return checkpoint;
}

TfCheckpoint read_folder(const fs::path& folder, const std::string& stem) {
  auto storage = std::make_shared<Storage>();
  TfCheckpoint checkpoint =
      read_files(stem, "folder", [&](const std::string& name) -> std::optional<ByteView> {
        std::error_code missing;
        if (!fs::exists(folder / name, missing)) return std::nullopt;
        return storage->map(folder / name);
      });
  checkpoint.storage = std::move(storage);
  return checkpoint;
}

std::string only_stem_in(const fs::path& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    names.push_back(it->path().filename().string());
  if (error) throw Error(Kind::kBadInput, fmt::format("the folder cannot be read: {}", error.message()));
  return stem_among(names, "folder", "file", "name one by its '.index' file");
}

}  // namespace

std::uint64_t number_count(const std::vector<std::int64_t>& shape) {
  std::uint64_t count = 1;
  for (const std::int64_t side : shape) {
    const auto times = static_cast<std::uint64_t>(std::max<std::int64_t>(side, 0));
    if (__builtin_mul_overflow(count, times, &count) || count > kMostNumbers)
      refuse(fmt::format("its shape {} has more numbers than {}", shape_text(shape), kMostNumbers));
  }
  return count;
}

std::string_view checkpoint_type_name(CheckpointType type) {
  const TypeFacts* facts = facts_of(static_cast<std::int64_t>(type));
  return facts == nullptr ? "unknown" : facts->name;
}

const CheckpointVariable* TfCheckpoint::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(
      variables, name, {}, [](const auto& variable) { return std::string_view(variable.name); });
  return found == variables.end() || found->name != name ? nullptr : &*found;
}

ByteView TfCheckpoint::bytes(const CheckpointVariable& variable) const {
  if (variable.is_partitioned)
    throw Error(Kind::kUnsupported,
                fmt::format("{} is partitioned, and its pieces are not read", variable_named(variable.name)));
  if (variable.type == CheckpointType::kString)
    throw Error(Kind::kUnsupported,
                fmt::format("{} holds strings, which are not read", variable_named(variable.name)));
  const ByteView numbers =
      shards.at(variable.shard)
          .subspan(static_cast<std::size_t>(variable.offset), static_cast<std::size_t>(variable.size_bytes));
  if (masked_crc(crc32c(numbers)) != variable.masked_crc)
    refuse(fmt::format("{} does not fit its CRC", variable_named(variable.name)), "the file is damaged");
  return numbers;
}

TfCheckpoint read_tf_checkpoint(Bytes zip) {
  const auto archive = std::make_shared<const Bytes>(std::move(zip));
  return read_archive(*archive, archive);
}

TfCheckpoint read_tf_checkpoint(const fs::path& zip_or_folder_or_index) {
  const fs::path& path = zip_or_folder_or_index;
  std::error_code error;
  if (fs::is_directory(path, error)) return read_folder(path, only_stem_in(path));
  check_is_data_file(path);
  if (path.extension() == kIndexEnding && !looks_like_zip(read_file_head(path, 4)))
    return read_folder(path.parent_path(), path.stem().string());
  const auto archive = std::make_shared<const MappedFile>(path);
  return read_archive(archive->bytes(), archive);
}

bool looks_like_tf_checkpoint_folder(const fs::path& path) {
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error))
    if (it->path().filename().string().ends_with(kIndexEnding)) return true;
  return false;
}

bool looks_like_tf_checkpoint_index(const fs::path& path) {
  std::error_code error;
  if (path.extension() != kIndexEnding || !fs::is_regular_file(path, error)) return false;
  std::ifstream file(path, std::ios::binary);
  std::array<char, kTableMarkBytes> mark{};
  file.seekg(-static_cast<std::streamoff>(mark.size()), std::ios::end);
  return file.read(mark.data(), mark.size()) && ends_as_sorted_table(std::as_bytes(std::span(mark)));
}

}  // namespace etalon
