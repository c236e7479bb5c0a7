#include "etalon/calibration/record_images.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <unordered_map>

#include "etalon/base/digest.hpp"
#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/calibration/random_draw.hpp"
#include "etalon/calibration/record_files.hpp"
#include "etalon/formats/tfrecord/tfrecord.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using Place = RecordImageSet::Place;
using Features = std::map<std::string, TfFeature>;

// The one text of a feature; nullptr: there is none.
const std::string* text_of(const Features& features, const std::string& name) {
  const auto found = features.find(name);
  if (found == features.end()) return nullptr;
  const auto* texts = std::get_if<std::vector<std::string>>(&found->second.values);
  return texts != nullptr && texts->size() == 1 ? &texts->front() : nullptr;
}

const std::string& encoded_in(const Features& features) {
  const std::string* encoded = text_of(features, "image/encoded");
  if (encoded == nullptr || encoded->empty())
    throw Error(Kind::kBadInput,
                "the record has no picture: feature 'image/encoded' is missing or not one text",
                "is this a record for Mask R-CNN?");
  return *encoded;
}

std::string place_text(const Place& place, const fs::path& file) {
  return fmt::format("record {} of {}", place.number, quoted(file));
}

// A source_id becomes part of files and messages.
std::string id_of(const Features& features, const Place& place, const fs::path& file) {
  const std::string* id = text_of(features, "image/source_id");
  if (id != nullptr && !id->empty()) return escaped(*id);
  return fmt::format("{}:{}", escaped(file.filename().string()), place.number);
}

// `count` of `every` records, by their numbers: all once before one comes again.
std::vector<std::size_t> draw(std::size_t every, std::uint64_t count, std::uint64_t seed) {
  std::vector<std::size_t> drawn;
  while (drawn.size() < count) {
    const std::size_t now = std::min<std::uint64_t>(every, count - drawn.size());
    const auto round = draw_without_replacement(every, now, seed);
    drawn.insert(drawn.end(), round.begin(), round.end());
    ++seed;
  }
  return drawn;
}

void digest_preparation(Digest& digest, const PaddedPreprocessing& how) {
  digest.text("record images");
  for (const int number : {how.height, how.width, how.stride})
    digest.number(static_cast<std::uint64_t>(number));
  for (const float number : {how.mean[0], how.mean[1], how.mean[2], how.deviation})
    digest.number(std::bit_cast<std::uint32_t>(number));
}

}  // namespace

RecordImageSet open_record_images(const std::string& pattern, const std::string& field,
                                  const fs::path& data_root, const PaddedPreprocessing& how) {
  if (pattern.empty()) throw Error(Kind::kBadInput, fmt::format("{} is empty", field));
  RecordImageSet set;
  set.field = field;
  set.how = how;
  const PaddedSize size = padded_size(how);
  set.size = {3, size.height, size.width};
  const std::string hint =
      fs::path(pattern).is_absolute()
          ? ""
          : fmt::format("relative patterns begin in {}", quoted(fs::absolute(data_root).lexically_normal()));
  set.files = files_matching(data_root / pattern, field, hint);
  for (std::size_t file = 0; file < set.files.size(); ++file)
    list_tfrecords(set.files[file], [&](std::uint64_t number, std::uint64_t offset) {
      if (set.records.size() >= kMostImageRecords)
        throw Error(Kind::kUnsupported, fmt::format("more than {} records", kMostImageRecords),
                    "give a pattern that matches fewer files");
      set.records.push_back({offset, static_cast<std::uint32_t>(file), static_cast<std::uint32_t>(number)});
    });
  if (set.records.empty())
    throw Error(Kind::kBadInput, fmt::format("the {} files that match the {} {} hold no record",
                                             set.files.size(), field, quoted(data_root / pattern)));
  return set;
}

CalibrationImages images_from_records(const RecordImageSet& set, std::uint64_t count, std::uint64_t seed) {
  const std::vector<std::size_t> numbers = draw(set.records.size(), count, seed);
  std::vector<Place> drawn;
  CalibrationImages images;
  images.source = fmt::format("{} of the {} images in the {} files of {}, drawn with seed {}", count,
                              set.records.size(), set.files.size(), set.field, seed);
  Digest digest;
  digest_preparation(digest, set.how);
  std::unordered_map<std::size_t, std::size_t> first_of;  // record -> where it was drawn first
  for (const std::size_t number : numbers) {
    const Place& place = set.records[number];
    const auto [first, is_new] = first_of.try_emplace(number, drawn.size());
    drawn.push_back(place);
    if (!is_new) {  // all have come once, so what stands in the digest from here on is numbers
      digest.number(first->second);
      images.ids.push_back(std::string(images.ids[first->second]));
      images.names.push_back(std::string(images.names[first->second]));
      continue;
    }
    const fs::path& file = set.files[place.file];
    const Bytes record = read_tfrecord(file, place.number, place.offset);
    within([&] { return place_text(place, file); },
           [&] {
             const Features features = parse_tf_example(record);
             digest.text(encoded_in(features));
             images.ids.push_back(id_of(features, place, file));
             images.names.push_back(place_text(place, file));
           });
  }
  images.identity = [hex = digest.hex()] { return hex; };
  images.other_files = set.files;
  images.fill = [drawn, files = set.files, how = set.how](std::size_t index, const std::string& name,
                                                          std::span<float> out) {
    const Place& place = drawn.at(index);
    const Bytes record = read_tfrecord(files[place.file], place.number, place.offset);
    within([&] { return name; },
           [&] {
             const Features features = parse_tf_example(record);
             prepare_padded_picture(decode_image(as_bytes(encoded_in(features)), kPaddedDecoding), how, out);
           });
  };
  return images;
}

}  // namespace etalon
