// One run split over machines: part i of n of its images (`--shard i/n`).
#pragma once

#include <cstdint>
#include <string_view>

namespace etalon {

// Many more than anybody has machines, few enough for a list of them.
inline constexpr std::uint64_t kMostShards = 10'000;

struct Shard {
  std::uint64_t index = 0, count = 1;  // index < count
  bool operator==(const Shard&) const = default;
};

// "0/3" is the first of three. Error (kWrongUsage) otherwise.
Shard parse_shard(std::string_view text);

// Images first .. first + count - 1 of a run.
struct Part {
  std::uint64_t first = 0, count = 0;
};

// Parts lie one behind the other, so that each reads its own stretch of a tensorfile; sizes differ by at most
// one. With more shards than images some are empty.
Part part_of(std::uint64_t images, Shard shard);

}  // namespace etalon
