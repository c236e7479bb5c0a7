// A layer's saved configuration, read key by key. What nobody read at the end is an error unless it is known
// not to matter at inference: an option that this program does not know could change the numbers.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "etalon/onnx/graph_builder.hpp"

namespace etalon {

// Sizes beyond this (pixels, channels, units, kernel sizes, strides) are taken for damage; the bound keeps
// every later product of two within 64 bits.
inline constexpr std::int64_t kLargestExtent = std::int64_t{1} << 24;

class LayerConfig {
 public:
  explicit LayerConfig(const nlohmann::json& config) : config_(config) {}

  // Errors (kBadInput) name the key, what was found and what was expected. Without a default the key is
  // needed.
  std::int64_t integer(std::string_view key, std::int64_t lowest, std::int64_t highest);
  std::int64_t integer(std::string_view key, std::int64_t lowest, std::int64_t highest,
                       std::int64_t otherwise);
  double number(std::string_view key, double otherwise);
  std::optional<double> number_or_null(std::string_view key);
  bool flag(std::string_view key, bool otherwise);
  std::string text(std::string_view key, std::string_view otherwise);
  // 3 or [3, 3]; each 1 .. kLargestExtent.
  HeightWidth extent_pair(std::string_view key, HeightWidth otherwise);
  std::vector<std::int64_t> integers(std::string_view key, std::int64_t lowest, std::int64_t highest);
  const nlohmann::json* find(std::string_view key);  // nullptr: absent or null

  // Errors (kUnsupported): anything but channels_first.
  void need_channels_first();
  // "same" or "valid"; else kUnsupported.
  bool padding_is_same();
  // Error (kUnsupported) naming a key that nobody asked for and that could matter.
  void finish() const;

 private:
  const nlohmann::json& need(std::string_view key);

  const nlohmann::json& config_;
  std::unordered_set<std::string> read_;
};

}  // namespace etalon
