// What calibration costs: images/s with statistics against plain float32 inference of the same graph, in one process.
//
//   calibration_benchmark MODEL.onnx [--images FOLDER] [--rounds N] [--count N]
//   calibration_benchmark MODEL.onnx --images FOLDER --memory plain|calibration --count N
//
// The ways are run in turn, there and back (a b c, c b a), so that a drift of the machine hits all alike; a ratio is the
// median over rounds of the round's own quotients; the second ratio is that of processor time, which other programs on
// the machine disturb less. "again" is plain inference a second time: the noise. Without --images,
// inputs lie ready in memory and only inference is compared; with it, rows that load their images (decode, resize) come
// as well. --memory runs one way once and prints the process's peak, images loaded anew each time.
// Left out: compiling the model, and choosing ranges from the statistics (printed apart).
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/calibration/calibrate.hpp"
#include "etalon/calibration/image_folder.hpp"
#include "etalon/calibration/ranges.hpp"
#include "etalon/runtime/session.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
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
  std::optional<fs::path> images;
  std::string memory;
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
    if (word == "--images") options.images = value();
    else if (word == "--memory") options.memory = value();
    else if (word == "--rounds") options.rounds = std::stoul(value());
    else if (word == "--count") options.count = std::stoul(value());
    else options.model = word;
  }
  if (options.model.empty()) throw Error(Kind::kWrongUsage, "usage: calibration_benchmark MODEL.onnx [--images FOLDER] [--rounds N] [--count N]");
  return options;
}

std::vector<std::string> deciding_tensors(const ModelProto& model) {
  std::set<std::string> sources;
  for (const auto& [name, source] : scale_sources(model)) sources.insert(source);
  std::vector<std::string> names;
  for (const auto& name : activation_names(model.graph()))
    if (sources.contains(name)) names.push_back(name);
  return names;
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

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

struct Way {
  std::string name;
  Session session;
  bool load;
  std::vector<double> seconds = {}, processor = {};
};

class Benchmark {
 public:
  explicit Benchmark(const Options& options) : options_(options), model_(read_onnx(fs::path(options.model))) {
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
    const auto add = [&](const std::string& name, std::vector<std::string> observe, bool load) {
      const auto start = Clock::now();
      const std::size_t tensors = observe.size();
      ways.push_back(std::make_unique<Way>(Way{name, Session(model_, {.observe = std::move(observe)}), load}));
      fmt::print("# {}: {} tensors observed, made in {:.2f} s\n", name, tensors, seconds_since(start));
      run(*ways.back());  // warm: threads start, histograms get their pages
      ways.back()->seconds.clear();
      ways.back()->processor.clear();
    };
    add("plain", {}, false);
    add("again", {}, false);
    add("conv inputs and outputs", convolution_inputs(model_), false);
    add("what decides scales", deciding_tensors(model_), false);
    add("every tensor", activation_names(model_.graph()), false);
    if (options_.images) {
      add("plain, loading", {}, true);
      add("what decides scales, loading", deciding_tensors(model_), true);
    }
    for (std::size_t round = 0; round < options_.rounds; ++round)
      for (std::size_t i = 0; i < ways.size(); ++i) run(*ways[round % 2 ? ways.size() - 1 - i : i]);
    for (const auto& way : ways) {
      const Ratio wall(ways.front()->seconds, way->seconds), processor(ways.front()->processor, way->processor);
      fmt::print("{:<30} {:8.2f} images/s  ratio {:.3f} ({:.3f} {:.3f})  processor {:.3f} ({:.3f} {:.3f})\n", way->name,
                 static_cast<double>(options_.count) / median(way->seconds), wall.median, wall.low, wall.high, processor.median, processor.low, processor.high);
    }
    const auto statistics = ways.at(3)->session.take_statistics();
    const auto start = Clock::now();
    const auto cache = make_cache(model_, statistics, Calibrator::kEntropy, {});
    fmt::print("# ranges and cache: {} lines in {:.3f} s\n", cache.lines.size(), seconds_since(start));
  }

  void run_for_memory() {
    Session session(model_, {.observe = options_.memory == "plain" ? std::vector<std::string>{} : deciding_tensors(model_)});
    model_.Clear();
    SilentProgress progress;
    session.run_all(paths_.size(), loading(), {}, progress);
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmHWM")) fmt::print("{} {} images: {}\n", options_.memory, paths_.size(), line);
  }

 private:
  Session::FillInput loading() const {
    return [this](std::size_t i, std::span<float> input) { load_calibration_image(paths_[i], width_, height_, Preprocessing{}, input); };
  }

  void fill_ready_inputs() {
    for (std::size_t i = 0; i < std::min<std::size_t>(options_.count, 8); ++i) {
      auto& input = ready_.emplace_back(static_cast<std::size_t>(3 * width_ * height_));
      if (options_.images) load_calibration_image(paths_[i], width_, height_, Preprocessing{}, input);
      else for (std::size_t j = 0; j < input.size(); ++j) input[j] = static_cast<float>((j * 2654435761U + i) >> 7 & 255) / 255.0F;
    }
  }

  void run(Way& way) {
    const auto ready = [this](std::size_t i, std::span<float> input) { std::ranges::copy(ready_[i % ready_.size()], input.begin()); };
    SilentProgress progress;
    const double processor = processor_seconds();
    const auto start = Clock::now();
    way.session.run_all(options_.count, way.load ? loading() : Session::FillInput(ready), {}, progress);
    way.seconds.push_back(seconds_since(start));
    way.processor.push_back(processor_seconds() - processor);
  }

  const Options options_;
  ModelProto model_;
  int width_ = 0, height_ = 0;
  std::vector<fs::path> paths_;
  std::vector<std::vector<float>> ready_;
};

}  // namespace
}  // namespace etalon

int main(int argc, char** argv) try {
  const auto options = etalon::parse(argc, argv);
  etalon::Benchmark benchmark(options);
  if (options.memory.empty()) benchmark.compare();
  else benchmark.run_for_memory();
} catch (const etalon::Error& error) {
  std::cerr << "error: " << error.line() << '\n';
  return 1;
}
