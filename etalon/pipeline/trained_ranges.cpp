#include "etalon/pipeline/trained_ranges.hpp"

#include <algorithm>

#include "etalon/networks/trained_quantization.hpp"

namespace etalon {

CalibrationCache trained_cache(const TrainedQuantization& trained, const TensorRtVersion& version) {
  CalibrationCache cache{.header = cache_header(version), .lines = {}};
  for (const auto& one : trained.ranges)
    // The quotient in double, rounded once, as TAO writes it.
    cache.lines.push_back({one.tensor, static_cast<float>(static_cast<double>(one.range) / kInt8Steps)});
  return cache;
}

std::map<std::string, float> trained_scales(const TrainedQuantization& trained) {
  std::map<std::string, float> scales;
  for (const auto& [tensor, ranges] : placed_ranges(trained))
    scales[tensor] = static_cast<float>(static_cast<double>(std::ranges::min(ranges)) / kInt8Steps);
  return scales;
}

}  // namespace etalon
