// What calibration costs: images/s with statistics against plain float32 inference of the same graph, in one
// process.
//
//   calibration_benchmark MODEL.onnx [--images FOLDER] [--cache FILE] [--brief] [--rounds N] [--count N]
//   calibration_benchmark MODEL.onnx --images FOLDER --once plain|CALIBRATOR [--precision f32|bf16] [--count
//   N]
//
// The ways are run in turn, there and back (a b c, c b a), so that a drift of the machine hits all alike; a
// ratio is the median over rounds of the round's own quotients, its quartiles in brackets; the second ratio
// is that of processor time, which other programs on the machine disturb less. "again" is plain inference a
// second time: the noise. Where the processor has bf16, its ways come as well, and how far ranges by least
// squares differ from those of float32. Without
// --images, inputs lie ready in memory and only inference is compared; with it, rows that load their images
// (decode, resize) come as well, compared with the same way from memory. Left out: compiling the model, and
// choosing ranges from the statistics (printed apart).
// --cache names a cache that an export of this model wrote: only what it has a line for is counted, as that
// export did. Without it every tensor of the graph is.
// --brief runs plain inference, twice, and every line only: for networks of which an image takes seconds.
// --once calibrates the images once, loading each, choosing ranges included, and prints one line of JSON:
// seconds, processor time, the peak memory of the process. That is what peers.py sets beside other programs.
// "plain" computes the same images only.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/calibration/cache_lines.hpp"
#include "etalon/calibration/image_folder.hpp"
#include "etalon/calibration/ranges.hpp"
#include "etalon/calibration/scale_sources.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/networks/metadata.hpp"
#include "etalon/runtime/session.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Median and quartiles of what plain inference took over what this way took, round by round.
struct Ratio {
  double low, median, high;
  Ratio(const std::vector<double>& plain, const std::vector<double>& way) {
    std::vector<double> ratio;
    for (std::size_t round = 0; round < way.size(); ++round) ratio.push_back(plain[round] / way[round]);
    std::ranges::sort(ratio);
    low = ratio[ratio.size() / 4];
    median = ratio[ratio.size() / 2];
    high = ratio[ratio.size() * 3 / 4];
  }
};

struct Options {
  std::string model;
  std::optional<fs::path> images, cache;
  std::string once;  // "plain" or a calibrator; empty: compare
  RunPrecision precision = RunPrecision::kF32;
  bool brief = false;
  std::size_t rounds = 9, count = 40;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&]() -> std::string {
      if (++i >= argc) throw Error(Kind::kWrongUsage, word + " needs a value");
      return argv[i];
    };
    if (word == "--images")
      options.images = value();
    else if (word == "--cache")
      options.cache = value();
    else if (word == "--brief")
      options.brief = true;
    else if (word == "--once")
      options.once = value();
    else if (word == "--precision")
      options.precision = value() == "bf16" ? RunPrecision::kBf16 : RunPrecision::kF32;
    else if (word == "--rounds")
      options.rounds = std::stoul(value());
    else if (word == "--count")
      options.count = std::stoul(value());
    else
      options.model = word;
  }
  if (options.model.empty() || options.rounds == 0 || options.count == 0)
    throw Error(Kind::kWrongUsage,
                "usage: calibration_benchmark MODEL.onnx [--images FOLDER] [--cache FILE] [--brief] "
                "[--rounds N] [--count N]");
  if (!options.once.empty() && !options.images) throw Error(Kind::kWrongUsage, "--once needs --images");
  return options;
}

// Inputs of convolutions and the outputs: what the fusions of the runtime leave visible anyway.
std::vector<std::string> convolution_inputs(const ModelProto& model) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  };
  for (const auto& node : model.graph().node())
    if (node.op_type() == "Conv") add(node.input(0));
  for (const auto& output : model.graph().output()) add(output.name());
  return names;
}

// What a calibration counts: all tensors that decide for a line of the cache, or that might.
std::vector<std::string> counted_tensors(const ModelProto& model, const std::optional<fs::path>& cache) {
  auto deciding = deciding_tensors(model);
  if (!cache) return deciding;
  const auto sources = scale_sources(model);
  std::set<std::string> wanted;
  for (const CacheLine& line : read_calibration_cache(*cache).lines)
    if (const auto source = sources.find(line.tensor); source != sources.end()) wanted.insert(source->second);
  std::erase_if(deciding, [&](const std::string& name) { return !wanted.contains(name); });
  return deciding;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// The range in [max/4, max] of least squared error over 127 steps, clipped values included. Values between
// half a step and the range are off by step^2/12 on average, whatever the grid; smaller ones become zero and
// lose themselves. In this form the error is smooth in the range, so that two minima differ by what the
// statistics differ by and not by a search's grid.
double least_squares_range(const TensorStatistics& statistics) {
  const double max = statistics.max();
  double best = max, least = std::numeric_limits<double>::infinity();
  for (double range = max; range > max / 4; range *= 0.999) {
    const double step = range / 127;
    double error = 0;
    for (std::uint32_t key = 1; key < TensorStatistics::kBuckets; ++key) {
      if (statistics.buckets[key] == 0) continue;
      const double x = (static_cast<double>(TensorStatistics::edge(key)) +
                        static_cast<double>(TensorStatistics::edge(key + 1))) /
                       2;
      const double off = x > range ? (x - range) * (x - range) : x > step / 2 ? step * step / 12 : x * x;
      error += static_cast<double>(statistics.buckets[key]) * off;
    }
    if (error < least) {
      least = error;
      best = range;
    }
  }
  return best;
}

struct Way {
  std::string name;
  Session session;
  bool load;
  const Way* beside;  // what its ratios are taken to; null: the first way
  std::vector<double> seconds = {}, processor = {};
};

class Benchmark {
 public:
  explicit Benchmark(const Options& options)
      : options_(options),
        model_(read_onnx(fs::path(options.model))),
        how_(preprocessing_in(model_).value_or(Preprocessing{})),
        counted_(counted_tensors(model_, options.cache)) {
    const Session session(model_, {.threads = 1});
    const auto shape = session.input_shape();  // NCHW
    height_ = static_cast<int>(shape.at(2));
    width_ = static_cast<int>(shape.at(3));
    if (options.images) {
      const auto available = list_calibration_images(*options.images);
      if (available.empty()) throw Error(Kind::kBadInput, "no images");
      for (std::size_t i = 0; i < options.count; ++i) paths_.push_back(available[i % available.size()]);
    }
  }

  void compare() {
    fill_ready_inputs();
    std::vector<std::unique_ptr<Way>> ways;
    const auto add = [&](const std::string& name, std::vector<std::string> observe,
                         RunPrecision precision = RunPrecision::kF32, const Way* from_memory = nullptr) {
      const auto start = Clock::now();
      const std::size_t tensors = observe.size();
      ways.push_back(std::make_unique<Way>(
          Way{name, Session(model_, {.precision = precision, .observe = std::move(observe)}),
              from_memory != nullptr, from_memory}));
      fmt::print("# {}: {} tensors observed, made in {:.2f} s\n", name, tensors, seconds_since(start));
      run(*ways.back());  // warm: threads start, histograms get their pages
      ways.back()->seconds.clear();
      ways.back()->processor.clear();
      return ways.back().get();
    };
    const auto some = convolution_inputs(model_);
    const auto& every = counted_;
    Way* const plain = add("plain f32", {});
    add("again", {});
    if (!options_.brief) add("conv inputs and outputs", some);
    Way* const counted = add("every line of the cache", every);
    Way* counted_bf16 = nullptr;
    if (options_.brief) {
      fmt::print("# --brief: no other ways\n");
    } else if (std::ranges::count(runtime_facts().capabilities, "BF16") > 0) {
      add("plain bf16", {}, RunPrecision::kBf16);
      add("bf16, conv inputs and outputs", some, RunPrecision::kBf16);
      counted_bf16 = add("bf16, every line", every, RunPrecision::kBf16);
    } else {
      fmt::print("# this processor does not compute in bf16\n");
    }
    if (options_.images && !options_.brief) {
      add("plain f32, loading", {}, RunPrecision::kF32, plain);
      add("every line, loading", every, RunPrecision::kF32, counted);
    }
    for (std::size_t round = 0; round < options_.rounds; ++round)
      for (std::size_t i = 0; i < ways.size(); ++i) run(*ways[round % 2 ? ways.size() - 1 - i : i]);
    fmt::print("{:<30} {:>8}   {:<21}   {}\n", "", "images/s", "ratio: clock", "processor");
    for (const auto& way : ways) {
      const Way& beside = way->beside ? *way->beside : *plain;
      const Ratio wall(beside.seconds, way->seconds), processor(beside.processor, way->processor);
      fmt::print("{:<30} {:8.2f}   {:.3f} ({:.3f} {:.3f})   {:.3f} ({:.3f} {:.3f})  of {}\n", way->name,
                 static_cast<double>(options_.count) / median(way->seconds), wall.median, wall.low, wall.high,
                 processor.median, processor.low, processor.high, beside.name);
    }
    const auto statistics = counted->session.take_statistics();
    if (counted_bf16) show_how_far_bf16_is(statistics, counted_bf16->session.take_statistics());
    const auto start = Clock::now();
    const auto cache = make_cache(model_, statistics, {}, {}).cache;
    fmt::print("# ranges and cache: {} lines in {:.3f} s\n", cache.lines.size(), seconds_since(start));
  }

  void run_once() {
    const auto start = Clock::now();
    const double processor_start = processor_seconds();
    const bool plain = options_.once == "plain";
    Session session(
        model_, {.precision = options_.precision, .observe = plain ? std::vector<std::string>{} : counted_});
    SilentProgress progress;
    session.run_all(paths_.size(), loading(), {}, progress);
    std::size_t lines = 0;
    if (!plain)
      lines =
          make_cache(model_, session.take_statistics(), {.calibrator = parse_calibrator(options_.once)}, {})
              .cache.lines.size();
    const double seconds = seconds_since(start), processor = processor_seconds() - processor_start;
    std::ifstream status("/proc/self/status");
    std::size_t peak_kib = 0;
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmHWM:")) peak_kib = std::stoul(line.substr(6));
    fmt::print(
        "{{\"images\": {}, \"tensors\": {}, \"seconds\": {:.4f}, \"processor\": {:.4f}, \"peak_bytes\": "
        "{}}}\n",
        paths_.size(), lines, seconds, processor, peak_kib * 1024);
  }

 private:
  // Of ranges by least squares and of maxima, over the tensors: the median and the largest difference.
  static void show_how_far_bf16_is(const std::map<std::string, TensorStatistics>& f32,
                                   const std::map<std::string, TensorStatistics>& bf16) {
    std::vector<double> range, max;
    std::string worst;
    for (const auto& [name, exact] : f32) {
      const double squares = least_squares_range(exact), largest = exact.max();
      if (largest == 0) continue;
      range.push_back(std::fabs(least_squares_range(bf16.at(name)) / squares - 1));
      max.push_back(std::fabs(bf16.at(name).max() / largest - 1));
      if (range.back() == std::ranges::max(range)) worst = name;
    }
    if (range.empty()) return;
    fmt::print(
        "# bf16 against f32 over {} tensors, median and largest difference: least squares {:.2f} %, {:.2f} % "
        "({}); maximum {:.2f} %, {:.2f} %\n",
        range.size(), 100 * median(range), 100 * std::ranges::max(range), worst, 100 * median(max),
        100 * std::ranges::max(max));
  }

  Session::FillInput loading() const {
    return [this](std::size_t i, std::span<float> input) {
      load_calibration_image(paths_[i], width_, height_, how_, input);
    };
  }

  void fill_ready_inputs() {
    for (std::size_t i = 0; i < std::min<std::size_t>(options_.count, 8); ++i) {
      auto& input = ready_.emplace_back(static_cast<std::size_t>(3 * width_ * height_));
      if (options_.images)
        load_calibration_image(paths_[i], width_, height_, how_, input);
      else
        for (std::size_t j = 0; j < input.size(); ++j)
          input[j] = static_cast<float>((j * 2654435761U + i) >> 7 & 255) / 255.0F;
    }
  }

  void run(Way& way) {
    const auto ready = [this](std::size_t i, std::span<float> input) {
      std::ranges::copy(ready_[i % ready_.size()], input.begin());
    };
    SilentProgress progress;
    const double processor = processor_seconds();
    const auto start = Clock::now();
    way.session.run_all(options_.count, way.load ? loading() : Session::FillInput(ready), {}, progress);
    way.seconds.push_back(seconds_since(start));
    way.processor.push_back(processor_seconds() - processor);
  }

  const Options options_;
  const ModelProto model_;
  const Preprocessing how_;  // the model's own, if it says
  const std::vector<std::string> counted_;
  int width_ = 0, height_ = 0;
  std::vector<fs::path> paths_;
  std::vector<std::vector<float>> ready_;
};

}  // namespace
}  // namespace etalon

int main(int argc, char** argv) try {
  const auto options = etalon::parse(argc, argv);
  etalon::Benchmark benchmark(options);
  if (options.once.empty())
    benchmark.compare();
  else
    benchmark.run_once();
} catch (const etalon::Error& error) {
  std::cerr << "error: " << error.line() << '\n';
  return 1;
}
