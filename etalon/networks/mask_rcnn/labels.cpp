#include "etalon/networks/mask_rcnn/labels.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

constexpr std::string_view kBackground = "BG";  // TAO's name

// "3, 7, 9 and 12 more"
std::string some_of(const std::vector<std::int64_t>& ids) {
  constexpr std::size_t kMost = 8;
  const auto shown = std::span(ids).first(std::min(ids.size(), kMost));
  const std::string text = fmt::format("{}", fmt::join(shown, ", "));
  return ids.size() <= kMost ? text : fmt::format("{} and {} more", text, ids.size() - kMost);
}

}  // namespace

MaskRcnnLabels labels_of(std::span<const CocoCategory> categories, std::int64_t class_count) {
  MaskRcnnLabels out;
  std::map<std::int64_t, std::string> by_id;
  std::vector<std::int64_t> twice, outside, missing;
  for (const CocoCategory& category : categories) {
    if (category.id < 1 || category.id >= class_count)
      outside.push_back(category.id);
    else if (!by_id.insert_or_assign(category.id, category.name).second)
      twice.push_back(category.id);
  }
  out.names.emplace_back(kBackground);
  for (std::int64_t id = 1; id < class_count; ++id) {
    const auto found = by_id.find(id);
    if (found == by_id.end()) missing.push_back(id);
    out.names.push_back(found == by_id.end() ? fmt::format("class_{}", id) : found->second);
  }
  std::ranges::sort(outside);
  if (!outside.empty())
    out.warnings.push_back(
        fmt::format("the annotations have categories with the ids {}, which are no classes of the network: "
                    "data_config.num_classes is {}, its classes are 1 to {} and the background 0",
                    some_of(outside), class_count, class_count - 1));
  if (!twice.empty())
    out.warnings.push_back(fmt::format(
        "the annotations have several categories with the ids {}: the last name counts", some_of(twice)));
  if (!missing.empty())
    out.warnings.push_back(fmt::format(
        "the annotations have no category with the ids {}: named class_N, so that every line of the labels "
        "is its class's (TAO would leave the lines out and name the classes behind them wrongly)",
        some_of(missing)));
  return out;
}

MaskRcnnLabels read_labels(const MaskRcnnSpec& spec) {
  const std::string& path = spec.experiment.data_config().val_json_file();
  std::error_code failure;
  if (path.empty())
    return {{}, {"data_config.val_json_file is not given: the names of the classes are not known"}};
  if (!std::filesystem::exists(path, failure))
    return {
        {},
        {fmt::format("there is no file '{}' (data_config.val_json_file): the names of the classes are not "
                     "known",
                     escaped(path))}};
  return labels_of(read_coco_categories(path), spec.experiment.data_config().num_classes());
}

}  // namespace etalon
