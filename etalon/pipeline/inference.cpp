#include "etalon/pipeline/inference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace etalon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUnnamed = "class ";  // how a class without a name is shown

std::optional<std::size_t> number_in(std::string_view name) {
  if (name.starts_with(kUnnamed)) name.remove_prefix(kUnnamed.size());
  std::size_t number = 0;
  const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (failed != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

std::size_t count_of(const ClassNames& names) {
  return names.count.value_or(std::max(names.labels.size(), names.shown.size()));
}

std::vector<std::size_t> classes_called(const std::string& name, const ClassNames& names) {
  std::vector<std::size_t> classes;
  const auto is_called = [&](const std::vector<std::string>& list, std::size_t c) {
    return c < list.size() && list[c] == name;
  };
  for (std::size_t c = 0; c < std::max(names.labels.size(), names.shown.size()); ++c)
    if (is_called(names.labels, c) || is_called(names.shown, c)) classes.push_back(c);
  if (!classes.empty()) return classes;
  const auto number = number_in(name);
  const bool is_unlimited = !names.count && names.labels.empty() && names.shown.empty();
  if (number && (is_unlimited || *number < count_of(names))) classes.push_back(*number);
  return classes;
}

std::string sentence_of(const ClassNames& names) {
  const auto& list = names.shown.empty() ? names.labels : names.shown;
  if (!list.empty())
    return fmt::format("its classes are {}", escaped(fmt::format("{}", fmt::join(list, ", "))));
  if (!names.count) return "its classes have no names, only numbers";
  return fmt::format("its classes are 'class 0' to 'class {}'", *names.count - 1);
}

}  // namespace

DetectorPaths detector_paths(const InferenceOptions& options) {
  DetectorPaths paths{.input = options.input, .output = options.output, .inputs_besides = {options.model}};
  if (options.spec) paths.inputs_besides.push_back(*options.spec);
  if (options.class_map) paths.inputs_besides.push_back(*options.class_map);
  paths.force = options.force;
  return paths;
}

FileKind inference_model_kind(const fs::path& path, const std::string& instead) {
  const std::string ending = path.extension().string();
  if (ending == ".engine" || ending == ".trt" || ending == ".plan")
    throw Error(Kind::kUnsupported, fmt::format("{} is a TensorRT engine, which needs its GPU", quoted(path)),
                instead);
  return kind_of_file(path);
}

void check_network(const ServedModel& served, std::string_view network) {
  if (!served.network || *served.network == network) return;
  const bool is_known = *served.network == "detectnet_v2" || *served.network == "mask_rcnn";
  throw Error(Kind::kBadInput,
              fmt::format("the model's metadata says that it is a '{}', expected '{}'",
                          escaped(*served.network), network),
              is_known ? fmt::format("etalon {} inference takes it", *served.network) : "");
}

void check_class_count(std::string_view who, std::size_t named, std::size_t model_has) {
  if (named != model_has)
    throw Error(Kind::kBadInput, fmt::format("{} names {} classes, the model has {}", who, named, model_has));
}

std::vector<std::size_t> classes_named(const std::vector<std::string>& asked, const ClassNames& names,
                                       Kind kind) {
  std::vector<std::size_t> all;
  for (const auto& name : asked) {
    const std::vector<std::size_t> classes = classes_called(name, names);
    if (classes.empty())
      throw Error(kind, fmt::format("the model has no class '{}', {}", escaped(name), sentence_of(names)));
    all.insert(all.end(), classes.begin(), classes.end());
  }
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace etalon
