#include "etalon/calibration/cache_lines.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string_view>

#include "etalon/calibration/scale_sources.hpp"

namespace etalon {
namespace {

// How far above the largest number that can come a range may lie: entropy's half bin is 1/4096 of it.
constexpr double kRangeSlack = 1.0 / 2048;
// A real picture uses its range; below this share of it the cache was made for other numbers (0 .. 1 for 0 ..
// 255).
constexpr double kSmallestShare = 1.0 / 100;

}  // namespace

MadeCache make_cache(const ModelProto& model, const std::map<std::string, TensorStatistics>& statistics,
                     const RangeRule& rule, const TensorRtVersion& version,
                     const std::vector<std::string>& unranged) {
  const auto sources = scale_sources(model);
  MadeCache made;
  made.cache.header = cache_header(version);
  for (const std::string& name : activation_names(model.graph())) {
    if (is_unranged(name, unranged)) continue;
    const std::string& source = sources.at(name);
    auto chosen = made.chosen.find(source);
    if (chosen == made.chosen.end()) {
      const auto counted = statistics.find(source);
      if (counted == statistics.end()) {
        made.without.push_back(name);
        continue;
      }
      chosen = made.chosen.emplace(source, choose_range(counted->second, rule)).first;
    }
    made.cache.lines.push_back({name, chosen->second.range / kInt8Steps});
  }
  return made;
}

CacheFit check_cache(const CalibrationCache& cache, const ModelProto& model, const Preprocessing& how,
                     const std::vector<std::string>& unranged) {
  CacheFit fit;
  std::set<std::string_view> spelt;
  for (const CacheLine& line : cache.lines) spelt.insert(line.tensor);
  const auto lines = cache.by_tensor();
  std::set<std::string, std::less<>> of_graph;
  for (const std::string& name : activation_names(model.graph())) {
    of_graph.emplace(without_index(name));
    if (is_unranged(name, unranged)) continue;
    if (!lines.contains(std::string(without_index(name))))
      fit.missing.push_back(name);
    else if (!spelt.contains(name))
      fit.spelt_otherwise.push_back(name);
  }
  for (const CacheLine& line : cache.lines)
    if (!of_graph.contains(without_index(line.tensor))) fit.surplus.push_back(line.tensor);
  const auto inputs = data_inputs(model.graph());
  const CacheLine* input = inputs.empty() ? nullptr : cache.find(inputs.front()->name());
  if (!input) return fit;  // missing says so
  fit.input_range = input->range();
  const double largest = std::max(std::fabs(how.lowest()), std::fabs(how.highest()));
  // choose_range's answer to zeros alone
  const bool only_black = input->scale == std::numeric_limits<float>::epsilon() / kInt8Steps;
  fit.input_possible = only_black || (fit.input_range > 0 && fit.input_range <= largest * (1 + kRangeSlack) &&
                                      fit.input_range >= largest * kSmallestShare);
  return fit;
}

}  // namespace etalon
