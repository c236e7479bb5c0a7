#include "etalon/formats/calibration_cache/tensor_scales_json.hpp"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

namespace etalon {
namespace {

// The shortest of the nearest decimal numbers, as Python's repr has it; nlohmann's own is not always the
// nearest.
std::string decimal(float range) {
  auto text = fmt::format("{}", static_cast<double>(range));
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

std::string json_string(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string format_tensor_scales(const std::vector<TensorRange>& ranges) {
  std::map<std::string_view, float> last;
  for (const auto& [tensor, range] : ranges) last[tensor] = range;
  std::string rows;
  for (const auto& [tensor, range] : ranges)
    if (const auto row = last.extract(tensor))
      rows += fmt::format("{}\n        {}: {}", rows.empty() ? "" : ",", json_string(tensor),
                          decimal(row.mapped()));
  return fmt::format("{{\n    \"tensor_scales\": {{{}{}}}\n}}", rows, rows.empty() ? "" : "\n    ");
}

}  // namespace etalon
