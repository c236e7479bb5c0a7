#include "etalon/calibration/shard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "etalon/base/error.hpp"

namespace etalon {

Shard parse_shard(std::string_view text) {
  const auto number = [](std::string_view digits, std::uint64_t& value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  const auto slash = text.find('/');
  Shard shard;
  if (slash == std::string_view::npos || !number(text.substr(0, slash), shard.index) ||
      !number(text.substr(slash + 1), shard.count) || shard.count > kMostShards || shard.index >= shard.count)
    throw Error(Kind::kWrongUsage,
                fmt::format("shard '{}' is not of the form I/N with I from 0 to N-1", escaped(text)),
                "the first of three is 0/3");
  return shard;
}

Part part_of(std::uint64_t images, Shard shard) {
  const std::uint64_t each = images / shard.count, longer = images % shard.count;
  const std::uint64_t first = shard.index * each + std::min(shard.index, longer);
  return {first, each + (shard.index < longer ? 1 : 0)};
}

}  // namespace etalon
