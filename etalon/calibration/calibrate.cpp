#include "etalon/calibration/calibrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string_view>

#include "etalon/base/error.hpp"
#include "etalon/calibration/image_folder.hpp"
#include "etalon/runtime/session.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

constexpr float kInt8Steps = 127.0F;  // TensorRT's INT8 is symmetric: -128 is not used
// How far above the largest number that can come a range may lie: entropy's half bin is 1/4096 of it.
constexpr double kRangeSlack = 1.0 / 2048;
// A real picture uses its range; below this share of it the cache was made for other numbers (0 .. 1 for 0 .. 255).
constexpr double kSmallestShare = 1.0 / 100;

// The tensors whose statistics decide, in graph order.
std::vector<std::string> deciding_tensors(const ModelProto& model) {
  const auto sources = scale_sources(model);
  std::set<std::string> deciding_names;  // an inner concat decides for its parts, though another decides for it
  for (const auto& [name, source] : sources) deciding_names.insert(source);
  std::vector<std::string> deciding;
  for (const std::string& name : activation_names(model.graph()))
    if (deciding_names.contains(name)) deciding.push_back(name);
  return deciding;
}

const std::string* first_not_finite(const std::vector<std::string>& tensors, const std::map<std::string, TensorStatistics>& statistics) {
  for (const std::string& name : tensors) {
    const TensorStatistics& s = statistics.at(name);
    if (s.nans + s.infinities > 0) return &name;
  }
  return nullptr;
}

// The images again, one by one, to tell which was the first to go wrong.
[[noreturn]] void throw_not_finite(Session& session, const std::vector<std::string>& tensors, const std::vector<fs::path>& images, int width,
                                   int height, const Preprocessing& how, Progress& progress) {
  std::vector<float> input(session.input_size());
  for (const fs::path& path : images) {
    progress.check();
    load_calibration_image(path, width, height, how, input);
    session.run(input);
    const auto statistics = session.take_statistics();
    const std::string* tensor = first_not_finite(tensors, statistics);
    if (!tensor) continue;
    const TensorStatistics& s = statistics.at(*tensor);
    throw Error(Kind::kBadInput,
                fmt::format("tensor '{}' has {} NaN and {} infinite values of {} on image '{}'", escaped(*tensor), s.nans, s.infinities, s.values,
                            escaped(path.string())),
                "the network overflows on this image: check the model's weights and the preprocessing");
  }
  throw Error(Kind::kInternal, "NaN or infinite values were counted, but no image gives them again");
}

std::string_view without_index(std::string_view name) { return name.ends_with(":0") ? name.substr(0, name.size() - 2) : name; }

}  // namespace

std::map<std::string, TensorStatistics> collect_statistics(const ModelProto& model, const std::vector<fs::path>& images, int width, int height,
                                                           const Preprocessing& how, int threads, Progress& progress) {
  const std::vector<std::string> deciding = deciding_tensors(model);
  Session session(model, {.threads = threads, .observe = deciding});
  const std::size_t channels = how.order == ChannelOrder::kGrey ? 1 : 3;
  if (width < 1 || height < 1 || session.input_size() != channels * static_cast<std::size_t>(width) * static_cast<std::size_t>(height))
    throw Error(Kind::kBadInput, fmt::format("the network takes {} numbers an image, images of {}x{}x{} have another count", session.input_size(),
                                             channels, height, width));
  progress.begin("calibrating", images.size());
  session.run_all(images.size(), [&](std::size_t i, std::span<float> input) { load_calibration_image(images[i], width, height, how, input); }, {}, progress);
  auto statistics = session.take_statistics();
  if (first_not_finite(deciding, statistics)) throw_not_finite(session, deciding, images, width, height, how, progress);
  progress.end();
  return statistics;
}

CalibrationCache make_cache(const ModelProto& model, const std::map<std::string, TensorStatistics>& statistics, Calibrator calibrator,
                            const TensorRtVersion& version) {
  const auto sources = scale_sources(model);
  std::map<std::string_view, float> scales;  // by the tensor that decides
  CalibrationCache cache;
  cache.header = cache_header(version);
  for (const std::string& name : activation_names(model.graph())) {
    const std::string& source = sources.at(name);
    auto scale = scales.find(source);
    if (scale == scales.end()) {
      const auto counted = statistics.find(source);
      if (counted == statistics.end()) throw Error(Kind::kBadInput, fmt::format("there are no statistics of tensor '{}'", escaped(source)));
      scale = scales.emplace(source, choose_range(counted->second, {.calibrator = calibrator}).range / kInt8Steps).first;
    }
    cache.lines.push_back({name, scale->second});
  }
  return cache;
}

CacheFit check_cache(const CalibrationCache& cache, const ModelProto& model, const Preprocessing& how) {
  CacheFit fit;
  std::set<std::string, std::less<>> of_graph;
  for (const std::string& name : activation_names(model.graph())) {
    of_graph.emplace(without_index(name));
    if (!cache.find(name)) fit.missing.push_back(name);
  }
  for (const CacheLine& line : cache.lines)
    if (!of_graph.contains(without_index(line.tensor))) fit.surplus.push_back(line.tensor);
  const auto inputs = data_inputs(model.graph());
  const CacheLine* input = inputs.empty() ? nullptr : cache.find(inputs.front()->name());
  if (!input) return fit;  // missing says so
  fit.input_range = input->scale * kInt8Steps;
  const double largest = std::max(std::fabs(how.lowest()), std::fabs(how.highest()));
  const bool only_black = input->scale == std::numeric_limits<float>::epsilon() / kInt8Steps;  // choose_range's answer to zeros alone
  fit.input_possible = only_black || (fit.input_range > 0 && fit.input_range <= largest * (1 + kRangeSlack) && fit.input_range >= largest * kSmallestShare);
  return fit;
}

}  // namespace etalon
