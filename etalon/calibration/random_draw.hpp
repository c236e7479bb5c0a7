// Drawing by chance with a seed that means the same everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace etalon {

// SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"; constants of Vigna's
// public-domain splitmix64.c): every seed is a good one, and the whole state is one number.
class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  // 0 .. bound-1, all equally likely: of the 2^64 numbers, the first 2^64 mod bound are thrown away.
  std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t surplus = (0 - bound) % bound;
    while (true)
      if (const std::uint64_t drawn = next(); drawn >= surplus) return drawn % bound;
  }

 private:
  std::uint64_t state_;
};

// `count` different numbers below `available`, in the order drawn. For one seed a smaller draw is the
// beginning of a larger one. Precondition: count <= available; the caller says what is missing.
std::vector<std::size_t> draw_without_replacement(std::size_t available, std::size_t count,
                                                  std::uint64_t seed);

}  // namespace etalon
