#include "etalon/spec/detectnet_v2_spec.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/spec/spec_text.hpp"

namespace etalon {
namespace {

// `Spec` is one of the structs of the header, `message` its member.
template <class Spec, class Message>
Spec parse(std::string_view text, SpecKind kind, Message Spec::*message) {
  Spec spec;
  SpecText read = parse_spec_text(text, kind, spec.*message);
  spec.findings = std::move(read.findings);
  spec.outline = std::move(read.outline);
  return spec;
}

}  // namespace

DetectnetV2Spec parse_detectnet_v2_spec(std::string_view text) {
  return parse(text, SpecKind::kExperiment, &DetectnetV2Spec::experiment);
}

DetectnetV2InferenceSpec parse_detectnet_v2_inference_spec(std::string_view text) {
  return parse(text, SpecKind::kInference, &DetectnetV2InferenceSpec::inference);
}

DetectnetV2ConvertSpec parse_detectnet_v2_convert_spec(std::string_view text) {
  return parse(text, SpecKind::kDatasetConvert, &DetectnetV2ConvertSpec::config);
}

DetectnetV2Spec read_detectnet_v2_spec(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path, kLargestSpecBytes);
  return within([&] { return fmt::format("'{}'", escaped(path.string())); },
                [&] { return parse_detectnet_v2_spec(as_text(bytes)); });
}

std::vector<std::string> target_class_names(const detectnet_v2::Experiment& experiment) {
  return within([] { return std::string("cost_function_config"); },
                [&] {
                  std::vector<std::string> names;
                  std::set<std::string> seen;
                  for (const auto& target : experiment.cost_function_config().target_classes()) {
                    if (target.name().empty())
                      throw Error(Kind::kBadInput,
                                  fmt::format("target_classes number {} has no name", names.size() + 1));
                    if (!seen.insert(target.name()).second)
                      throw Error(Kind::kBadInput,
                                  fmt::format("target class '{}' stands twice", escaped(target.name())));
                    names.push_back(target.name());
                  }
                  if (names.empty())
                    throw Error(Kind::kBadInput,
                                "target_classes is empty, expected the names of the classes in the order of "
                                "the network's outputs");
                  return names;
                });
}

}  // namespace etalon
