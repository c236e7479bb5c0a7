#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <tuple>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/pipeline/compared_model.hpp"
#include "etalon/pipeline/inspect.hpp"
#include "etalon/pipeline/trained_model.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct Difference {
  std::string tensor;
  float first, second;  // ranges
  double ratio;         // of the larger to the smaller; infinite where one is zero
};

double ratio_of(float a, float b) {
  if (a == b) return 1;
  const double low = std::min(a, b), high = std::max(a, b);
  return low > 0 ? high / low : std::numeric_limits<double>::infinity();
}

Json cache_difference(const fs::path& first, const fs::path& second) {
  const CalibrationCache a = read_calibration_cache(first), b = read_calibration_cache(second);
  const auto of_a = a.by_tensor(), of_b = b.by_tensor();
  std::vector<Difference> differences;
  Json only_first = Json::array(), only_second = Json::array();
  std::size_t equal = 0;
  for (const auto& [name, line] : of_a) {
    const auto found = of_b.find(name);
    if (found == of_b.end()) {
      only_first.push_back(line->tensor);
      continue;
    }
    const CacheLine& other = *found->second;
    if (line->scale == other.scale) {
      ++equal;
      continue;
    }
    differences.push_back({line->tensor, line->range(), other.range(), ratio_of(line->scale, other.scale)});
  }
  for (const auto& [name, line] : of_b)
    if (!of_a.contains(name)) only_second.push_back(line->tensor);
  std::ranges::stable_sort(differences, std::greater<>(), &Difference::ratio);
  Json rows = Json::array();
  for (const auto& row : differences)
    rows.push_back({{"tensor", row.tensor},
                    {"first", row.first},
                    {"second", row.second},
                    // JSON has no infinity
                    {"ratio", std::isfinite(row.ratio) ? Json(row.ratio) : Json("one is zero")}});
  Json seen{{"version", 1},
            {"first", first.string()},
            {"second", second.string()},
            {"kind", "two calibration caches"},
            {"headers", {a.header, b.header}},
            {"lines", {a.lines.size(), b.lines.size()}},
            {"equal", equal}};
  if (!only_first.empty()) seen["only_in_first"] = std::move(only_first);
  if (!only_second.empty()) seen["only_in_second"] = std::move(only_second);
  seen["differences"] = std::move(rows);
  return seen;
}

}  // namespace

nlohmann::ordered_json inspect_difference(const CompareModelsOptions& options, Log& log, Progress& progress) {
  const FileKind first = kind_of_file(options.first), second = kind_of_file(options.second);
  if (is_comparable_model(first) && is_comparable_model(second))
    return compare_models(options, log, progress);
  if (first == FileKind::kCalibrationCache && second == FileKind::kCalibrationCache) {
    if (options.image)
      throw Error(Kind::kWrongUsage, "calibration caches cannot be run on an image", "leave out --image");
    return cache_difference(options.first, options.second);
  }
  for (const auto& [kind, path, other] :
       {std::tuple{first, &options.first, second}, std::tuple{second, &options.second, first}}) {
    if (kind == FileKind::kCalibrationCache) continue;
    if (is_comparable_model(kind) && other != FileKind::kCalibrationCache) continue;  // the other is to blame
    throw Error(Kind::kUnsupported,
                fmt::format("{} is no calibration cache{}, and only two models or two of those are compared",
                            quoted(*path), is_comparable_model(kind) ? "" : " and no model"),
                fmt::format("`etalon inspect {}` says what it is", quoted(*path)));
  }
  throw Error(Kind::kInternal, "two files that are neither models nor caches were not told apart");
}

}  // namespace etalon
