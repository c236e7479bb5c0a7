#include "etalon/calibration/random_draw.hpp"

#include <fmt/format.h>

#include <numeric>

#include "etalon/base/error.hpp"

namespace etalon {

// The beginning of a Fisher-Yates shuffle: place i gets one of those not drawn yet.
std::vector<std::size_t> draw_without_replacement(std::size_t available, std::size_t count,
                                                  std::uint64_t seed) {
  if (count > available)
    throw Error(Kind::kInternal,
                fmt::format("{} of {} cannot be drawn without replacement", count, available));
  std::vector<std::size_t> numbers(available);
  std::iota(numbers.begin(), numbers.end(), std::size_t{0});
  SplitMix64 random(seed);
  for (std::size_t i = 0; i < count; ++i) std::swap(numbers[i], numbers[i + random.below(available - i)]);
  numbers.resize(count);
  return numbers;
}

}  // namespace etalon
