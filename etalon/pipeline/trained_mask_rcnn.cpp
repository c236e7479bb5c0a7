#include "etalon/pipeline/trained_mask_rcnn.hpp"

#include <fmt/format.h>

#include "etalon/base/error.hpp"
#include "etalon/networks/mask_rcnn/labels.hpp"
#include "etalon/networks/mask_rcnn/spec_facts.hpp"
#include "etalon/spec/mask_rcnn_validation.hpp"

namespace etalon {

MaskRcnnSpecification read_mask_rcnn_specification(const std::filesystem::path& path, Log& log) {
  const auto in_spec = [&] { return quoted(path); };
  MaskRcnnSpecification read{.spec = read_mask_rcnn_spec(path), .facts = {}};
  for (const auto& finding : read.spec.findings)
    log.warning(fmt::format("{}: {}", in_spec(), describe(finding)));
  read.facts = within(in_spec, [&] { return facts_of(read.spec); });
  for (const auto& finding : validate_mask_rcnn_spec(read.spec))  // the errors are thrown
    log.warning(fmt::format("{}: {}: {}", in_spec(), finding.field, describe(finding)));
  MaskRcnnLabels labels = read_labels(read.spec);
  // Names that are not known matter where labels are written, which warns.
  for (const auto& warning : labels.warnings)
    log.write(labels.names.empty() ? LogLevel::kInfo : LogLevel::kWarning, warning);
  read.facts.labels = std::move(labels.names);
  return read;
}

Deployable mask_rcnn_deployable(const TfCheckpoint& trained, const std::filesystem::path& model,
                                const MaskRcnnFacts& facts, const MaskRcnnOptions& options) {
  return within([&] { return quoted(model); },
                [&] { return deployable_from_checkpoint(trained, facts, options); });
}

}  // namespace etalon
