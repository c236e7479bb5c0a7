// What of NVIDIA's loader is kept, and what is not:
//   - Its training stream is shuffled without a seed (calibration_tensorfile: with random_seed) and repeats
//   for ever.
//     Here a seed decides, and no frame comes twice before all have come once.
//   - validation_fold of the LEGACY loader: there an iterator is consumed twice and nothing is left. Here it
//   means what
//     it means in the others.
//   - Files of a pattern come sorted, not in the file system's order.
// Source of the rest: NVIDIA/tao_tensorflow1_backend, cv/detectnet_v2/dataloader, blocks/multi_source_loader.
#include "etalon/calibration/data_loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "etalon/base/digest.hpp"
#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/calibration/image_folder.hpp"
#include "etalon/calibration/random_draw.hpp"
#include "etalon/calibration/record_files.hpp"
#include "etalon/formats/tfrecord/frame_record.hpp"
#include "etalon/formats/tfrecord/tfrecord.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using detectnet_v2::DatasetConfig;
using detectnet_v2::DataSource;

constexpr std::uint64_t kMostPictureBytes = std::uint64_t{1} << 30;
constexpr std::uint64_t kMostFrames = 100'000'000;

fs::path below(const fs::path& data_root, const std::string& path) {
  return data_root / path;
}  // absolute ones stay

// All sides of pictures and crops must fit an int with room for sums.
int side(std::uint32_t value, std::string_view field) {
  constexpr std::uint32_t kMost = 65535;
  if (value > kMost)
    throw Error(Kind::kBadInput, fmt::format("{} is {}, expected at most {}", field, value, kMost));
  return static_cast<int>(value);
}

LoaderPreprocessing preprocessing_of(const detectnet_v2::AugmentationConfig::Preprocessing& config,
                                     bool multisource) {
  LoaderPreprocessing how;
  how.numerics = multisource ? LoaderNumerics::kMultisource : LoaderNumerics::kLegacy;
  if (config.output_image_channel() != 1 && config.output_image_channel() != 3)
    throw Error(Kind::kBadInput,
                fmt::format("output_image_channel is {}, expected 1 or 3", config.output_image_channel()));
  if (config.output_image_width() == 0 || config.output_image_height() == 0)
    throw Error(Kind::kBadInput,
                fmt::format("output_image_width and output_image_height are {} and {}, expected sizes",
                            config.output_image_width(), config.output_image_height()));
  if (multisource && config.output_image_min() > 0)
    throw Error(
        Kind::kUnsupported,
        fmt::format(
            "output_image_min is {}: pictures would come out in different sizes, and a network takes one",
            config.output_image_min()),
        "set output_image_width and output_image_height, or give --cal_image_dir");
  how.channels = static_cast<int>(config.output_image_channel());
  how.output_width = side(config.output_image_width(), "output_image_width");
  how.output_height = side(config.output_image_height(), "output_image_height");
  how.auto_resize = multisource && config.enable_auto_resize();
  how.scale_width = config.scale_width();
  how.scale_height = config.scale_height();
  how.crop_left = side(config.crop_left(), "crop_left");
  how.crop_top = side(config.crop_top(), "crop_top");
  how.crop_right = side(config.crop_right(), "crop_right");
  how.crop_bottom = side(config.crop_bottom(), "crop_bottom");
  return how;
}

enum class Files { kAll, kOfTheFold, kOthers };

// The file's path, not its name alone, is looked at, as the original does.
bool is_of_fold(const fs::path& file, std::uint32_t fold) {
  return file.string().find(fmt::format("fold-{:03}-of-", fold)) != std::string::npos;
}

constexpr const char* kWherePathsBegin =
    "relative paths are looked for below DATA_BASE_PATH, or ~/datasets where that is not set";

LoaderSource read_source(const DataSource& config, Files which, std::uint32_t fold, const fs::path& data_root,
                         std::vector<fs::path>& record_files) {
  LoaderSource source;
  if (config.tfrecords_path().empty()) throw Error(Kind::kBadInput, "tfrecords_path is empty");
  source.picture_folder = below(data_root, config.image_directory_path());
  const auto files =
      files_matching(below(data_root, config.tfrecords_path()), "tfrecords_path", kWherePathsBegin);
  std::error_code ignored;
  if (!fs::is_directory(source.picture_folder, ignored))
    throw Error(Kind::kBadInput,
                fmt::format("the image_directory_path {} is no folder", quoted(source.picture_folder)),
                kWherePathsBegin);
  record_files.insert(record_files.end(), files.begin(), files.end());
  for (const auto& file : files) {
    if (which != Files::kAll && is_of_fold(file, fold) != (which == Files::kOfTheFold)) continue;
    read_tfrecords(file, [&](std::uint64_t, ByteView record) {
      FrameRecord frame = frame_record(parse_tf_example(record));
      if (source.frames.size() >= kMostFrames)
        throw Error(Kind::kUnsupported, fmt::format("more than {} frames", kMostFrames));
      source.frames.push_back(
          {std::move(frame.id), static_cast<int>(frame.width), static_cast<int>(frame.height)});
    });
  }
  return source;
}

[[noreturn]] void throw_no_frames(const DatasetConfig& config, LoaderSplit split) {
  if (split == LoaderSplit::kTraining)
    throw Error(Kind::kBadInput,
                config.has_validation_fold()
                    ? fmt::format("no training frame is left: every TFRecord file is of validation_fold {}",
                                  config.validation_fold())
                    : "data_sources hold no frame");
  if (config.has_validation_fold())
    throw Error(
        Kind::kBadInput,
        fmt::format("no TFRecord file is of validation_fold {}: none has 'fold-{:03}-of-' in its path",
                    config.validation_fold(), config.validation_fold()));
  throw Error(Kind::kBadInput, "the specification has no validation data",
              "set validation_fold or validation_data_source, or leave --use_validation_set away");
}

}  // namespace

std::uint64_t LoaderSet::frame_count() const {
  return std::accumulate(
      sources.begin(), sources.end(), std::uint64_t{0},
      [](std::uint64_t sum, const LoaderSource& source) { return sum + source.frames.size(); });
}

LoaderSet open_data_loader(const detectnet_v2::Experiment& experiment, LoaderSplit split,
                           const fs::path& data_root) {
  const DatasetConfig& config = experiment.dataset_config();
  const bool multisource = config.dataloader_mode() == DatasetConfig::MULTISOURCE;
  LoaderSet set;
  set.split = split;
  set.uniform = multisource && config.sampling_mode() == DatasetConfig::UNIFORM;
  set.extension = config.image_extension();
  while (set.extension.starts_with('.')) set.extension.erase(0, 1);
  within([] { return std::string("augmentation_config.preprocessing"); },
         [&] { set.how = preprocessing_of(experiment.augmentation_config().preprocessing(), multisource); });
  within([] { return std::string("dataset_config"); },
         [&] {
           if (set.extension.empty())
             throw Error(Kind::kBadInput, "image_extension is empty", "set it to jpg or png");
           if (multisource && set.extension == "fp16")
             throw Error(Kind::kUnsupported,
                         "image_extension is fp16, which the MULTISOURCE loader cannot read",
                         "set dataloader_mode: DEFAULT");
           if (config.data_sources().empty() &&
               !(split == LoaderSplit::kValidation && config.has_validation_data_source()))
             throw Error(Kind::kBadInput, "there are no data_sources");
           const auto add = [&](const DataSource& source, Files which) {
             LoaderSource read =
                 read_source(source, which, config.validation_fold(), data_root, set.record_files);
             if (read.frames.empty())
               set.without_frames.push_back(source.tfrecords_path());
             else
               set.sources.push_back(std::move(read));
           };
           const bool validation = split == LoaderSplit::kValidation;
           if (validation && config.has_validation_data_source()) {
             add(config.validation_data_source(), Files::kAll);
           } else if (!validation || config.has_validation_fold()) {
             const Files which = !config.has_validation_fold() ? Files::kAll
                                 : validation                  ? Files::kOfTheFold
                                                               : Files::kOthers;
             for (const DataSource& source : config.data_sources()) add(source, which);
           }
           if (set.sources.empty()) throw_no_frames(config, split);
         });
  set.how.canvas_width = set.how.output_width;
  set.how.canvas_height = set.how.output_height;
  for (const auto& source : set.sources)
    for (const auto& frame : source.frames) {
      set.how.canvas_width = std::max(set.how.canvas_width, frame.width);
      set.how.canvas_height = std::max(set.how.canvas_height, frame.height);
    }
  const PictureSize out = within([] { return std::string("augmentation_config.preprocessing"); },
                                 [&] { return loader_size(set.how); });
  set.size = {set.how.channels, out.height, out.width};
  return set;
}

namespace {

struct DrawnFrame {
  std::size_t source, frame;
};

// All frames of all sources in one shuffled row, shuffled anew when it is used up.
std::vector<DrawnFrame> draw_proportionally(const LoaderSet& set, std::uint64_t count, std::uint64_t seed) {
  std::vector<DrawnFrame> every, drawn;
  for (std::size_t s = 0; s < set.sources.size(); ++s)
    for (std::size_t f = 0; f < set.sources[s].frames.size(); ++f) every.push_back({s, f});
  while (drawn.size() < count) {
    const std::size_t now = std::min<std::uint64_t>(every.size(), count - drawn.size());
    for (const std::size_t i : draw_without_replacement(every.size(), now, seed)) drawn.push_back(every[i]);
    ++seed;
  }
  return drawn;
}

// A source by chance, of it the next frame of its own shuffled row.
std::vector<DrawnFrame> draw_uniformly(const LoaderSet& set, std::uint64_t count, std::uint64_t seed) {
  SplitMix64 random(seed);
  std::vector<std::vector<std::size_t>> rows(set.sources.size());
  std::vector<DrawnFrame> drawn;
  while (drawn.size() < count) {
    const std::size_t s = random.below(rows.size());
    if (rows[s].empty()) {
      const std::size_t frames = set.sources[s].frames.size();
      rows[s] = draw_without_replacement(frames, frames, random.next());
      std::ranges::reverse(rows[s]);  // taken from the back
    }
    drawn.push_back({s, rows[s].back()});
    rows[s].pop_back();
  }
  return drawn;
}

// Each source in its own order; which source comes next is as likely as it has frames left.
std::vector<DrawnFrame> draw_in_order(const LoaderSet& set, std::uint64_t count, std::uint64_t seed) {
  SplitMix64 random(seed);
  std::vector<DrawnFrame> drawn;
  std::vector<std::size_t> next(set.sources.size());
  std::uint64_t left = 0;
  while (drawn.size() < count) {
    if (left == 0) {
      std::ranges::fill(next, 0);
      left = set.frame_count();
    }
    std::uint64_t at = random.below(left);
    std::size_t s = 0;
    for (; at >= set.sources[s].frames.size() - next[s]; ++s) at -= set.sources[s].frames.size() - next[s];
    drawn.push_back({s, next[s]++});
    --left;
  }
  return drawn;
}

void digest_loader(Digest& digest, const LoaderSet& set) {
  const LoaderPreprocessing& how = set.how;
  digest.text("data loader").text(set.extension).number(static_cast<std::uint64_t>(how.numerics));
  for (const int number :
       {how.channels, how.output_width, how.output_height, int{how.auto_resize}, how.canvas_width,
        how.canvas_height, how.crop_left, how.crop_top, how.crop_right, how.crop_bottom})
    digest.number(static_cast<std::uint64_t>(number));
  for (const float scale : {how.scale_width, how.scale_height})
    digest.number(std::bit_cast<std::uint32_t>(scale));
}

}  // namespace

CalibrationImages images_from_loader(const LoaderSet& set, std::uint64_t count, std::uint64_t seed) {
  const bool validation = set.split == LoaderSplit::kValidation;
  const auto drawn = validation    ? draw_in_order(set, count, seed)
                     : set.uniform ? draw_uniformly(set, count, seed)
                                   : draw_proportionally(set, count, seed);
  CalibrationImages images;
  images.source = fmt::format(
      "{} images from the {} frames that the specification's data loader has for {}, {}", count,
      set.frame_count(), validation ? "validation" : "training",
      validation && set.sources.size() == 1 ? "in their order" : fmt::format("drawn with seed {}", seed));
  std::vector<PictureSize> recorded;
  for (const auto& [s, f] : drawn) {
    const LoaderSource& source = set.sources[s];
    const LoaderFrame& frame = source.frames[f];
    images.ids.push_back(frame.id + "." + set.extension);
    // As TAO puts it together: an id that begins with a slash stays below the folder.
    images.names.push_back(source.picture_folder.string() + "/" + images.ids.back());
    recorded.push_back({frame.width, frame.height});
  }
  Digest preparation;
  digest_loader(preparation, set);
  images.identity = [prepared = preparation.hex(), names = images.names, ids = images.ids, recorded] {
    Digest digest;
    digest.text(prepared);
    for (std::size_t i = 0; i < names.size(); ++i) {
      digest.text(ids[i])
          .number(static_cast<std::uint64_t>(recorded[i].width))
          .number(static_cast<std::uint64_t>(recorded[i].height));
      digest_picture_file(digest, names[i]);
    }
    return digest.hex();
  };
  const LoaderFile kind = set.extension == "fp16" ? LoaderFile::kHalfFloats : LoaderFile::kPicture;
  images.names_are_paths = true;
  images.fill = [recorded = std::move(recorded), how = set.how, kind](
                    std::size_t index, const std::string& name, std::span<float> out) {
    const fs::path file = name;
    within([&] { return quoted(file); },
           [&] {
             check_is_data_file(file);
             prepare_loader_picture(read_file(file, kMostPictureBytes), kind, how, out, recorded.at(index));
           });
  };
  images.other_files = set.record_files;
  return images;
}

}  // namespace etalon
