#include "etalon/networks/mask_rcnn/checkpoint_weights.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "etalon/base/error.hpp"
#include "etalon/base/name_match.hpp"
#include "etalon/networks/kernel_layout.hpp"

namespace etalon {
namespace {

constexpr std::size_t kNamesShown = 4;

std::string expected_text(const Shape& shape) {
  std::vector<std::string> axes;
  for (const auto& axis : shape) axes.push_back(axis ? fmt::format("{}", *axis) : "any");
  return fmt::format("[{}]", fmt::join(axes, ", "));
}

constexpr std::uint32_t kExponent = 0x7f800000, kFraction = 0x007fffff;

std::uint32_t word_at(ByteView floats, std::size_t i) {  // bytes need not be aligned
  std::uint32_t word = 0;
  std::memcpy(&word, floats.data() + i * sizeof word, sizeof word);
  return word;
}

bool is_finite(std::uint32_t word) { return (word & kExponent) != kExponent; }

// In blocks of one size, without a way out of them, for the compiler to make SIMD of.
bool all_finite(ByteView floats) {
  constexpr std::size_t kBlock = 1024;
  const std::size_t count = floats.size() / sizeof(float);
  std::size_t i = 0;
  for (; count - i >= kBlock; i += kBlock) {
    const ByteView block = floats.subspan(i * sizeof(float), kBlock * sizeof(float));
    std::uint32_t found = 0;
    for (std::size_t k = 0; k < kBlock; ++k) found |= is_finite(word_at(block, k)) ? 0U : 1U;
    if (found != 0) return false;
  }
  while (i < count && is_finite(word_at(floats, i))) ++i;
  return i == count;
}

[[noreturn]] void refuse_not_finite(const std::string& name, ByteView floats) {
  std::size_t i = 0;
  while (is_finite(word_at(floats, i))) ++i;
  throw Error(
      Kind::kBadInput,
      fmt::format("variable '{}' holds {}", name, word_at(floats, i) & kFraction ? "NaN" : "an infinity"),
      "the training went astray: export a checkpoint from before that");
}

}  // namespace

bool is_optimizer_slot(std::string_view variable) { return variable.ends_with("/Momentum"); }

void CheckpointWeights::need_all(const std::vector<std::string>& names) const {
  std::vector<std::string> missing;
  for (const auto& name : names)
    if (!checkpoint_.find(name)) missing.push_back(name);
  if (missing.empty()) return;
  const std::unordered_set<std::string_view> wanted(names.begin(), names.end());
  std::vector<std::string> others, there;
  for (const auto& variable : checkpoint_.variables) {
    if (is_optimizer_slot(variable.name)) continue;
    there.push_back(variable.name);
    if (!wanted.contains(variable.name)) others.push_back(variable.name);
  }
  auto nearest = nearest_name(missing.front(), others);  // a slip of the pen, not a neighbour's name
  if (!nearest) nearest = nearest_name(missing.front(), there);
  const auto shown = std::min(missing.size(), kNamesShown);
  throw Error(
      Kind::kBadInput,
      fmt::format("the checkpoint has no variable '{}'{}",
                  fmt::join(missing.begin(), missing.begin() + static_cast<std::ptrdiff_t>(shown), "', '"),
                  missing.size() > shown ? fmt::format(" and {} more", missing.size() - shown) : ""),
      nearest ? fmt::format("the nearest name there is: '{}'", escaped(*nearest)) : "");
}

const CheckpointVariable& CheckpointWeights::variable(const std::string& name) const {
  const auto* variable = checkpoint_.find(name);
  if (!variable) need_all({name});
  return *variable;
}

const std::vector<std::int64_t>& CheckpointWeights::shape(const std::string& name, std::size_t rank) const {
  return shape(name, Shape(rank), fmt::format("it has {} axes", rank));
}

const std::vector<std::int64_t>& CheckpointWeights::shape(const std::string& name, const Shape& expected,
                                                          const std::string& why) const {
  const auto& found = variable(name);
  if (found.type != CheckpointType::kFloat32)
    throw Error(Kind::kBadInput,
                fmt::format("variable '{}' is {}, expected float32", name, checkpoint_type_name(found.type)));
  bool fits = found.shape.size() == expected.size();
  for (std::size_t i = 0; fits && i < expected.size(); ++i)
    fits =
        expected[i] ? *expected[i] == found.shape[i] : found.shape[i] >= 1 && found.shape[i] <= kLargestAxis;
  if (!fits)
    throw Error(Kind::kBadInput, fmt::format("variable '{}' has the shape [{}], expected {}: {}", name,
                                             fmt::join(found.shape, ", "), expected_text(expected), why));
  return found.shape;
}

ByteView CheckpointWeights::finite(const CheckpointVariable& variable) const {
  const ByteView bytes = checkpoint_.bytes(variable);
  if (!all_finite(bytes)) refuse_not_finite(variable.name, bytes);
  return bytes;
}

std::string CheckpointWeights::plain(const std::string& name) const {
  return std::string(as_text(finite(variable(name))));
}

std::string CheckpointWeights::reversed(const std::string& name) const {
  const auto& found = variable(name);
  const auto bytes = finite(found);
  const std::size_t rank = found.shape.size();
  std::int64_t spatial = 1;
  for (std::size_t i = 0; i + 2 < rank; ++i) spatial *= found.shape[i];
  if (rank < 2 || bytes.size() != number_count(found.shape) * sizeof(float))  // the reader has compared them
    throw Error(Kind::kInternal, fmt::format("variable '{}' has {} bytes", name, bytes.size()));
  return reversed_kernel(bytes, spatial, found.shape[rank - 2], found.shape[rank - 1]);
}

}  // namespace etalon
