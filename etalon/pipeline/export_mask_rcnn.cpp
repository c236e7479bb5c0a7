#include "etalon/pipeline/export_mask_rcnn.hpp"

#include <optional>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/networks/mask_rcnn/spec_facts.hpp"
#include "etalon/pipeline/export_exported.hpp"
#include "etalon/pipeline/exported_model.hpp"
#include "etalon/pipeline/mask_rcnn_loader.hpp"
#include "etalon/pipeline/trained_mask_rcnn.hpp"
#include "etalon/pipeline/trained_model.hpp"

namespace etalon {

ExportResult export_mask_rcnn(const ExportOptions& options, Log& log, Progress& progress, StatusLog& status) {
  if (!options.experiment_spec)
    throw Error(Kind::kWrongUsage, "Mask R-CNN needs --experiment_spec: the network's size stands there",
                "add -e SPEC");
  const auto [spec, facts] = read_mask_rcnn_specification(*options.experiment_spec, log);
  std::optional<TfCheckpoint> trained;
  NetworkToExport network;
  const bool exported = starts_from_exported(options);
  network.exported = exported;
  network.deployable = [&] {
    if (exported) {
      Deployable net = deployable_of_exported(options, "mask_rcnn", log);
      if (options.plugins == Plugins::kNone)
        within([&] { return quoted(options.model); }, [&] { check_can_run(net.model); });
      return net;
    }
    trained = read_trained_checkpoint(options.model, options.key);
    Deployable deployable = mask_rcnn_deployable(*trained, options.model, facts,
                                                 {.plugins = options.plugins,
                                                  .static_batch_size = options.static_batch_size,
                                                  .tensor_names = options.tensor_names});
    // Behind what does not fit the model, for which other plugins are no help.
    if (options.plugins == Plugins::kTensorrt)
      within([&] { return quoted(*options.experiment_spec); }, [&] { check_plugins_can(facts); });
    return deployable;
  };
  if (options.plugins == Plugins::kTensorrt && !exported)
    network.runnable = [&] {
      return mask_rcnn_deployable(*trained, options.model, facts,
                                  {.plugins = Plugins::kNone,
                                   .static_batch_size = std::nullopt,
                                   .tensor_names = options.tensor_names})
          .model;
    };
  network.loader = mask_rcnn_loader(spec, facts);
  return export_network(options, network, log, progress, status);
}

}  // namespace etalon
