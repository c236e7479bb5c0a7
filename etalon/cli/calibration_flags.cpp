#include "etalon/cli/calibration_flags.hpp"

#include <cstdlib>

#include "etalon/cli/tao_task.hpp"

namespace etalon {
namespace {

constexpr std::int64_t kMostBatches = 1'000'000'000;  // a count of images: their product stays below 2^63

}  // namespace

void add_range_flags(CLI::App& app, RangeFlags& flags) {
  app.add_option(
         "--calibrator", flags.calibrator,
         "how ranges are chosen: entropy, minmax, percentile, mse, auto (per tensor what loses least)")
      ->check(CLI::IsMember({"entropy", "minmax", "percentile", "mse", "auto"}))
      ->capture_default_str();
  app.add_option("--percentile", flags.rule.percentile,
                 "percentile: the share of the values other than zero that a range holds, in percent")
      ->check(CLI::Range(50.0, 100.0))
      ->capture_default_str();
  app.add_option("--trt_version", flags.trt_version, "TensorRT whose header the cache bears")
      ->type_name("X.Y.Z")
      ->capture_default_str();
}

RangeRule range_rule(const RangeFlags& flags) {
  RangeRule rule = flags.rule;
  rule.calibrator = parse_calibrator(flags.calibrator);
  return rule;
}

void note_unused_range_flags(const CLI::App& app, const RangeFlags& flags, Log& log) {
  if (flags.calibrator != "percentile" && flags.calibrator != "auto")
    note_ignored(app, {"--percentile"}, "it is about --calibrator percentile", log);
}

void add_calibration_flags(CLI::App& app, CalibrationFlags& flags) {
  CalibrationOptions& options = flags.options;
  app.add_option("--cal_image_dir", options.cal_image_dirs,
                 "calibration images (jpg, jpeg, png); may be given several times")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->type_name("DIR");
  app.add_option("--cal_data_file", options.cal_data_file,
                 "calibration tensorfile; one that does not exist is written from --cal_image_dir")
      ->type_name("FILE");
  app.add_option("--cal_cache_file", options.cal_cache_file, "calibration cache")
      ->type_name("FILE")
      ->capture_default_str();
  app.add_option("--batches", options.batches, "calibration batches")
      ->check(CLI::Range(std::int64_t{1}, kMostBatches))
      ->capture_default_str();
  app.add_option("--batch_size", options.batch_size, "images a calibration batch")
      ->check(CLI::Range(std::int64_t{1}, kMostBatches))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "draws the calibration images")
      ->check([](const std::string& text) {
        return text.find_first_not_of("0123456789") == std::string::npos
                   ? std::string()
                   : text + " is no whole number from 0 on";
      })
      ->capture_default_str();
  add_range_flags(app, flags.ranges);
  app.add_option("--statistics", flags.statistics,
                 "keep what is counted here: ranges can be chosen anew from it, an interrupted run goes on")
      ->type_name("FILE");
  app.add_option(
         "--shard", flags.shard,
         "count part I (from 0) of N of the images, and write no cache: `etalon calibrate merge` does")
      ->type_name("I/N");
  app.add_option("--calibration_precision", flags.precision,
                 "f32, or bf16: faster where the processor has it, and nearly the same ranges")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->capture_default_str();
  app.add_flag("--cal_random", options.cal_random, "random noise for images: to measure speed only");
  app.add_option("--threads", options.threads,
                 "CPU threads (0: one a core); never changes a byte of any output")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_flag("--force", options.force, "calibrate anew and replace files that exist");
}

CalibrationOptions calibration_options(const CalibrationFlags& flags) {
  CalibrationOptions options = flags.options;
  options.rule = range_rule(flags.ranges);
  options.trt_version = parse_tensorrt_version(flags.ranges.trt_version);
  options.precision = flags.precision == "bf16" ? RunPrecision::kBf16 : RunPrecision::kF32;
  if (!flags.statistics.empty()) options.statistics = flags.statistics;
  if (!flags.shard.empty()) options.shard = parse_shard(flags.shard);
  options.data_root = data_root();
  return options;
}

void add_input_flags(CLI::App& app, InputFlags& flags) {
  app.add_option("--mean", flags.options.mean,
                 "taken away from each pixel (0 .. 255), in the channel order given")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("A,B,C");
  app.add_option("--scale", flags.scale, "what the difference is multiplied with")->type_name("S");
  app.add_option("--channel_order", flags.channel_order, "rgb or bgr")->check(CLI::IsMember({"rgb", "bgr"}));
  app.add_option("--layout", flags.layout, "of the input: nchw or nhwc")
      ->check(CLI::IsMember({"nchw", "nhwc"}));
  app.add_option("-d,--input_dims", flags.options.input_dims,
                 "size of an image, for a model that leaves it open")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->expected(3)
      ->type_name("C,H,W");
}

OnnxInputOptions input_options(const CLI::App& app, const InputFlags& flags) {
  OnnxInputOptions options = flags.options;
  if (app.count("--scale") > 0) options.scale = flags.scale;
  if (!flags.channel_order.empty())
    options.channel_order = flags.channel_order == "bgr" ? ChannelOrder::kBgr : ChannelOrder::kRgb;
  if (!flags.layout.empty()) options.layout = flags.layout == "nhwc" ? Layout::kNhwc : Layout::kNchw;
  return options;
}

std::filesystem::path data_root() {
  if (const char* base = std::getenv("DATA_BASE_PATH"); base && *base) return base;
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home && *home ? home : "/root") / "datasets";
}

nlohmann::ordered_json range_rows(const std::map<std::string, ChosenRange>& chosen) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const auto& [tensor, choice] : chosen)
    rows.push_back({{"tensor", tensor}, {"range", choice.range}, {"by", calibrator_name(choice.by)}});
  return rows;
}

nlohmann::ordered_json written_rows(const std::vector<OutputFiles::Written>& files) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const auto& file : files)
    rows.push_back({{"path", file.path.string()}, {"size_bytes", file.size_bytes}});
  return rows;
}

}  // namespace etalon
