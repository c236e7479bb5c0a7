#include "etalon/pipeline/export_exported.hpp"

#include <fmt/format.h>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/networks/exported_model.hpp"
#include "etalon/onnx/old_opset.hpp"
#include "etalon/onnx/padding_fault.hpp"
#include "etalon/pipeline/exported_model.hpp"

namespace etalon {
namespace {

// "'conv1' (Conv): pads [1,1,1,1] instead of pads [0,0,1,1]"
std::string sentence_of(const PaddingFault& fault) {
  return fmt::format("'{}' ({}): {} instead of {}", escaped(fault.node.empty() ? fault.tensor : fault.node),
                     fault.op, fault.expected, fault.found);
}

void repair_padding(ModelProto& model, Log& log) {
  const auto faults = repair_padding_faults(model);
  if (faults.empty()) {
    log.info("--repair_padding: every convolution and pool is padded as trained; nothing was changed");
    return;
  }
  log.info(
      fmt::format("repaired the padding of {} layers, which the exporter had written otherwise than "
                  "they were trained",
                  faults.size()));
  for (const auto& fault : faults) log.info(fmt::format("repaired {}", sentence_of(fault)));
}

void warn_of_padding(const ModelProto& model, Log& log) {
  const auto faults = find_padding_faults(model);
  if (faults.empty()) return;
  log.warning(
      fmt::format("{} layers of this model are padded otherwise than they were trained, so that its boxes "
                  "are off: add --repair_padding; the first is {}",
                  faults.size(), sentence_of(faults.front())));
}

}  // namespace

bool starts_from_exported(const ExportOptions& options) {
  const bool exported = is_exported(kind_of_file(options.model));
  if (!exported && options.repair_padding)
    throw Error(
        Kind::kWrongUsage,
        fmt::format("--repair_padding is for an exported model, and {} is none", quoted(options.model)),
        "leave it away: what etalon exports is padded as trained");
  if (exported && options.static_batch_size)
    throw Error(Kind::kWrongUsage, "--static_batch_size: an exported model keeps the batch that it has",
                "export the trained model");
  return exported;
}

Deployable deployable_of_exported(const ExportOptions& options, std::string_view network, Log& log) {
  ModelProto model = read_exported_model(options.model, options.key);
  return within([&] { return quoted(options.model); },
                [&] {
                  check_onnx(model);
                  if (options.data_type == DataType::kInt8 || !options.explicit_precisions.empty())
                    check_is_plain(model);
                  if (options.repair_padding)
                    repair_padding(model, log);
                  else
                    warn_of_padding(model, log);
                  const std::int64_t before = opset_of(model);
                  if (const std::string reason = raise_old_opset(model); !reason.empty())
                    log.warning(fmt::format("the model stays at opset {}: {}", before, reason));
                  else if (before != opset_of(model))
                    log.info(
                        fmt::format("raised the model's operator set from {} to {}, in which its operators "
                                    "mean the same",
                                    before, opset_of(model)));
                  Deployable net = deployable_from_exported(std::move(model), network);
                  if (options.tensor_names == TensorNames::kTensorflow && !net.input.ends_with(":0"))
                    throw Error(Kind::kWrongUsage, "--tensor_names tf: an exported model keeps its names",
                                "export the trained model");
                  return net;
                });
}

}  // namespace etalon
