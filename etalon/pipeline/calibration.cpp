#include "etalon/pipeline/calibration.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "etalon/base/error.hpp"
#include "etalon/calibration/cache_lines.hpp"
#include "etalon/calibration/collect.hpp"
#include "etalon/calibration/image_folder.hpp"
#include "etalon/calibration/noise_images.hpp"
#include "etalon/calibration/statistics_store.hpp"
#include "etalon/calibration/tensorfile_images.hpp"
#include "etalon/calibration/write_tensorfile.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostImages = 100'000'000;

bool there(const fs::path& path) {
  std::error_code ignored;
  return !path.empty() && fs::exists(path, ignored);
}

IfExists if_exists(const CalibrationOptions& options) {
  return options.force ? IfExists::kReplace : IfExists::kRefuse;
}

bool writes_tensorfile(const CalibrationOptions& options, CalibrationSource source) {
  return source == CalibrationSource::kImageFolders && !options.cal_data_file.empty();
}

// What the user may want to know of a run later; nothing is read back from it.
std::vector<std::pair<std::string, std::string>> facts_of(const CalibrationImages& images,
                                                          const CalibrationOptions& options) {
  return {{"etalon", ETALON_VERSION},
          {"source", escaped(images.source, 2000)},
          {"precision", options.precision == RunPrecision::kBf16 ? "bf16" : "f32"}};
}

void stage_statistics(const fs::path& path, const StatisticsFile& file, OutputFiles& outputs) {
  outputs.stage(path, IfExists::kReplace, 0666, format_statistics(file));
}

// What an earlier run of the same kind has counted already.
CountedStatistics counted_before(const fs::path& path, const RunIdentity& identity, Shard shard,
                                 std::uint64_t images, const std::vector<std::string>& tensors, Log& log) {
  const StatisticsFile file = read_statistics(path);
  within([&] { return quoted(path); }, [&] { check_is_of_run(file, identity, shard, images, tensors); });
  if (file.images_done == images)
    log.info(fmt::format("using the statistics of {} that are there: nothing is computed", quoted(path)));
  else
    log.info(
        fmt::format("going on where {} ends, after {} of {} images", quoted(path), file.images_done, images));
  return counted_statistics(file);
}

// The same, where statistics of another run may be replaced.
CountedStatistics counted_before_or_nothing(const fs::path& path, const RunIdentity& identity, Shard shard,
                                            std::uint64_t images, const std::vector<std::string>& tensors,
                                            Log& log) {
  if (!looks_like_statistics(read_file_head(path, 64)))
    throw Error(Kind::kBadInput,
                fmt::format("{} is there and holds no statistics: it is not replaced", quoted(path)),
                "give another --statistics");
  try {
    return counted_before(path, identity, shard, images, tensors, log);
  } catch (const Error& error) {
    log.info(fmt::format("{} is replaced: {}", quoted(path), error.line()));
    return {};
  }
}

// Numbers that no picture can give come from a tensorfile that was made for another network.
void warn_of_strange_input(const ModelProto& model, const CountedStatistics& counted,
                           const Preprocessing& how, Log& log) {
  const auto inputs = data_inputs(model.graph());
  if (inputs.size() != 1) return;
  const auto found = counted.tensors.find(inputs.front()->name());
  if (found == counted.tensors.end()) return;
  const double largest = std::max(std::abs(how.lowest()), std::abs(how.highest()));
  if (found->second.max() > largest * 1.001)
    log.warning(fmt::format(
        "the input reaches {:g}, but the network's preprocessing ends at {:g}: was the tensorfile made for "
        "another network?",
        found->second.max(), largest));
}

// How often each calibrator's range was taken.
std::string picks_of(const std::map<std::string, ChosenRange>& chosen) {
  std::map<std::string_view, std::size_t> counts;
  for (const auto& [tensor, choice] : chosen) ++counts[calibrator_name(choice.by)];
  std::string text;
  for (const auto& [name, count] : counts)
    text += fmt::format("{}{} for {}", text.empty() ? "" : ", ", name, count);
  return text + " tensors";
}

CalibrationSource named_source(const CalibrationOptions& options, bool has_spec, Log& log) {
  const bool data_file = there(options.cal_data_file), folders = !options.cal_image_dirs.empty();
  if (options.cal_random) {
    if (!options.cal_data_file.empty() || folders)
      throw Error(Kind::kWrongUsage, "--cal_random goes with no other source of images",
                  "leave one of them away");
    log.warning(
        "CALIBRATING ON RANDOM NOISE (--cal_random): good for measuring speed, useless for deployment");
    return CalibrationSource::kNoise;
  }
  if (data_file) {
    log.info(fmt::format("calibrating from the tensorfile {}{}", quoted(options.cal_data_file),
                         folders    ? ", which exists; --cal_image_dir is not looked at"
                         : has_spec ? ", which was given; TAO would take the data loader of --experiment_spec"
                                    : ""));
    return CalibrationSource::kTensorfile;
  }
  if (folders) {
    log.info(fmt::format(
        "calibrating from --cal_image_dir{}",
        has_spec ? ", which was given; TAO would take the data loader of --experiment_spec" : ""));
    return CalibrationSource::kImageFolders;
  }
  if (has_spec) {
    if (!options.cal_data_file.empty())
      log.warning(fmt::format(
          "the tensorfile {} does not exist: calibrating from the data loader of --experiment_spec",
          quoted(options.cal_data_file)));
    else
      log.info(
          "calibrating from the data loader of --experiment_spec: no tensorfile and no --cal_image_dir was "
          "given");
    return CalibrationSource::kDataLoader;
  }
  if (!options.cal_data_file.empty())
    throw Error(Kind::kBadInput,
                fmt::format("the tensorfile {} does not exist, and there are no images to make it from",
                            quoted(options.cal_data_file)),
                "add --cal_image_dir FOLDER");
  throw Error(
      Kind::kWrongUsage, "calibration needs images and none were given",
      "add --cal_image_dir FOLDER, --cal_data_file TENSORFILE, or a specification with a data loader (-e)");
}

}  // namespace

CalibrationSource choose_source(const CalibrationOptions& options, bool has_spec, Log& log) {
  const CalibrationSource source = named_source(options, has_spec, log);
  if (options.shard && !options.statistics)
    throw Error(Kind::kWrongUsage, "--shard needs --statistics FILE: a part of the images makes no cache",
                "add --statistics FILE and merge the parts with `etalon calibrate merge`");
  if ((options.shard || options.statistics) && writes_tensorfile(options, source))
    throw Error(Kind::kWrongUsage,
                fmt::format("the tensorfile {} does not exist: a run that writes it is another than the next "
                            "one, which reads it, "
                            "so its statistics would be of no use",
                            quoted(options.cal_data_file)),
                "leave --cal_data_file away, or write the tensorfile first");
  if (options.batches > kMostImages / options.batch_size)
    throw Error(Kind::kWrongUsage, fmt::format("--batches {} x --batch_size {} are more than {} images",
                                               options.batches, options.batch_size, kMostImages));
  if (options.use_validation_set && source != CalibrationSource::kDataLoader)
    log.info(
        "--use_validation_set is about the specification's data loader, and another source was given: it "
        "changes nothing");
  return source;
}

void reserve_calibration_outputs(const CalibrationOptions& options, CalibrationSource source,
                                 OutputFiles& outputs) {
  if (!options.shard) outputs.reserve(options.cal_cache_file, if_exists(options));
  if (options.statistics)
    outputs.reserve(*options.statistics, IfExists::kReplace);  // calibrate() looks at what is there
  if (writes_tensorfile(options, source)) outputs.reserve(options.cal_data_file, IfExists::kRefuse);
}

void protect_images(const CalibrationImages& images, OutputFiles& outputs) {
  for (const auto& file : images.other_files) outputs.protect(file);
  if (!images.names_are_paths) return;
  for (const auto& name : images.names) outputs.protect(name);
}

CalibrationImages open_images(const CalibrationOptions& options, const CalibrationJob& job,
                              OutputFiles& outputs, Log& log) {
  CalibrationImages images;
  switch (job.source) {
    case CalibrationSource::kTensorfile:
      images = images_from_tensorfile(options.cal_data_file, options.batches, options.batch_size, job.size,
                                      job.how.layout);
      break;
    case CalibrationSource::kImageFolders:
      images = images_from_folders(options.cal_image_dirs, options.batches, options.batch_size, options.seed,
                                   job.size, job.how);
      break;
    case CalibrationSource::kDataLoader:
      images = job.loader(options, job.size, log);
      break;
    case CalibrationSource::kNoise:
      images = noise_images(options.batches * options.batch_size, options.seed, job.size, job.how);
      break;
  }
  protect_images(images, outputs);
  log.info(fmt::format("calibrating on {}", images.source));
  if (job.source == CalibrationSource::kImageFolders || job.source == CalibrationSource::kDataLoader) {
    constexpr std::size_t kShown = 100;
    std::string names;
    for (const auto& id : images.ids) names += (names.empty() ? "" : ", ") + escaped(id);
    log.write(images.count() > kShown ? LogLevel::kDebug : LogLevel::kInfo,
              fmt::format("the images: {}", names));
  }
  return images;
}

CalibrationResult calibrate(const CalibrationOptions& options, const CalibrationJob& job,
                            const CalibrationImages& images, OutputFiles& outputs, Log& log,
                            Progress& progress) {
  const Shard shard = options.shard.value_or(Shard{});
  const Part part = part_of(images.count(), shard);
  const CollectOptions collect{.tensors = job.tensors,
                               .input_dims = job.input_dims,
                               .threads = options.threads,
                               .precision = options.precision};
  // As TAO does; what is counted are the pictures, whose numbers are the same.
  if (writes_tensorfile(options, job.source))
    outputs.stage_file(options.cal_data_file, IfExists::kRefuse, 0666, [&](const fs::path& file) {
      write_tensorfile(file, images, options.batch_size, job.size, job.how.layout, TensorfileType::kFloat64,
                       options.threads, progress);
    });
  CountedStatistics counted;
  RunIdentity identity;
  const auto as_file = [&] {
    return statistics_file(counted, identity, shard, part.count, facts_of(images, options));
  };
  std::function<void()> keep;
  if (options.statistics) {
    identity = run_identity(job.model, images, collect);
    const auto before = options.force ? counted_before_or_nothing : counted_before;
    if (there(*options.statistics))
      counted = before(*options.statistics, identity, shard, part.count, job.tensors, log);
    keep = [&] {
      OutputFiles now;
      stage_statistics(*options.statistics, as_file(), now);
      now.commit();
      log.info(
          fmt::format("kept the statistics of {} of {} images in {}: the same command goes on from there",
                      counted.images_done, part.count, quoted(*options.statistics)));
    };
  }
  const bool complete = counted.images_done == part.count && !counted.tensors.empty();  // nothing new to keep
  collect_statistics(job.computed, images, part, collect, counted, keep, progress);
  warn_of_strange_input(job.model, counted, job.how, log);
  if (options.statistics && !complete) stage_statistics(*options.statistics, as_file(), outputs);
  CalibrationResult result;
  result.images.assign(images.names.begin() + static_cast<std::ptrdiff_t>(part.first),
                       images.names.begin() + static_cast<std::ptrdiff_t>(part.first + part.count));
  if (options.shard) {
    log.info(
        fmt::format("part {}/{} of the images was counted ({} of {}); `etalon calibrate merge` makes the "
                    "cache from all parts",
                    shard.index, shard.count, part.count, images.count()));
    return result;
  }
  MadeCache made = make_cache(job.model, counted.tensors, options.rule, options.trt_version, job.unranged);
  tell_ranges(made, options.rule, log);
  warn_of_version(options.trt_version, log);
  outputs.stage(options.cal_cache_file, if_exists(options), 0666, format_calibration_cache(made.cache));
  result.cache = std::move(made.cache);
  result.chosen = std::move(made.chosen);
  result.statistics = std::move(counted.tensors);
  return result;
}

void warn_of_version(const TensorRtVersion& version, Log& log) {
  if (version.major >= kFirstTensorRtWithoutCaches)
    log.warning(
        fmt::format("TensorRT {}.{} reads no calibration cache: from version {} on it takes explicitly "
                    "quantized models only",
                    version.major, version.minor, kFirstTensorRtWithoutCaches));
}

void tell_ranges(const MadeCache& made, const RangeRule& rule, Log& log) {
  for (const auto& [tensor, choice] : made.chosen)
    log.debug(fmt::format("tensor '{}': range {:g} by {}", escaped(tensor), choice.range,
                          calibrator_name(choice.by)));
  if (rule.calibrator == Calibrator::kAuto)
    log.info(fmt::format("auto took the ranges of {}; -v lists them", picks_of(made.chosen)));
  if (made.without.empty()) return;
  log.info(fmt::format(
      "{} tensors have no line, for they hold no floating-point numbers or the runtime folds them away; -v "
      "lists them",
      made.without.size()));
  for (const auto& name : made.without) log.debug(fmt::format("no line for '{}'", escaped(name)));
}

}  // namespace etalon
