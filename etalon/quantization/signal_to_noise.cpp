#include "etalon/quantization/signal_to_noise.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "etalon/base/error.hpp"

namespace etalon {

void SignalToNoise::add(std::span<const float> exact, std::span<const float> approximate) {
  if (exact.size() != approximate.size())
    throw Error(Kind::kInternal,
                fmt::format("{} exact numbers are compared with {}", exact.size(), approximate.size()));
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double value = exact[i], difference = value - approximate[i];
    signal_ += value * value;
    noise_ += difference * difference;
  }
}

double SignalToNoise::decibel() const {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (!std::isfinite(signal_) || !std::isfinite(noise_)) return -kInfinity;
  if (noise_ == 0) return kInfinity;
  return 10.0 * std::log10(signal_ / noise_);
}

}  // namespace etalon
