// How much of a signal an approximation loses.
#pragma once

#include <span>

namespace etalon {

// 10 log10(sum exact^2 / sum (exact - approximate)^2) over everything that was added; +inf when equal, -inf
// when anything is not finite. Sums in double.
class SignalToNoise {
 public:
  // Both spans have the same size.
  void add(std::span<const float> exact, std::span<const float> approximate);
  double decibel() const;

 private:
  double signal_ = 0, noise_ = 0;
};

}  // namespace etalon
