#include "etalon/pipeline/export_detectnet_v2.hpp"

#include <fmt/format.h>

#include <optional>

#include "etalon/base/error.hpp"
#include "etalon/networks/detectnet_v2/detectnet_v2.hpp"
#include "etalon/networks/detectnet_v2/spec_facts.hpp"
#include "etalon/networks/exported_model.hpp"
#include "etalon/pipeline/detectnet_v2_loader.hpp"
#include "etalon/pipeline/export_exported.hpp"
#include "etalon/pipeline/trained_model.hpp"
#include "etalon/spec/detectnet_v2_spec.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

// The spec, and everything of it that an export reads: a fault is the spec's, not the model's.
DetectnetV2Spec read_spec(const fs::path& path, Log& log) {
  DetectnetV2Spec spec = read_detectnet_v2_spec(path);
  for (const auto& finding : spec.findings)
    log.warning(fmt::format("{}: {}", quoted(path), describe(finding)));
  within([&] { return quoted(path); },
         [&] {
           clustering_of(spec.experiment, target_class_names(spec.experiment));
           box_code_of(spec.experiment);
         });
  return spec;
}

}  // namespace

ExportResult export_detectnet_v2(const ExportOptions& options, Log& log, Progress& progress,
                                 StatusLog& status) {
  check_is_data_file(options.model);
  std::optional<DetectnetV2Spec> spec;
  if (options.experiment_spec) spec = read_spec(*options.experiment_spec, log);
  NetworkToExport network;
  const bool exported = starts_from_exported(options);
  network.exported = exported;
  network.deployable = [&] {
    if (exported) {
      Deployable net = deployable_of_exported(options, "detectnet_v2", log);
      if (spec) within([&] { return quoted(options.model); }, [&] { take_specification(net, *spec); });
      return net;
    }
    KerasModel trained = read_trained_model(options.model, options.key);
    return within([&] { return quoted(options.model); },
                  [&] {
                    return deployable_from_keras(std::move(trained), spec ? &*spec : nullptr,
                                                 {.static_batch_size = options.static_batch_size,
                                                  .tensor_names = options.tensor_names});
                  });
  };
  if (spec) network.loader = detectnet_v2_loader(spec->experiment);
  return export_network(options, network, log, progress, status);
}

}  // namespace etalon
