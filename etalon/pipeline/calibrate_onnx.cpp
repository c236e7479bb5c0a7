#include "etalon/pipeline/calibrate_onnx.hpp"

#include <fmt/format.h>

#include <set>

#include "etalon/base/error.hpp"
#include "etalon/networks/metadata.hpp"
#include "etalon/pipeline/exported_model.hpp"
#include "etalon/pipeline/onnx_input.hpp"
#include "etalon/pipeline/written_files.hpp"

namespace etalon {
namespace {

// What no cache could be made of: a tensor is known by its name alone.
void check_names(const ModelProto& model) {
  std::set<std::string_view> seen;
  for (const std::string& name : activation_names(model.graph()))
    if (!seen.insert(name).second)
      throw Error(Kind::kBadInput, fmt::format("tensor '{}' is made by two nodes", escaped(name)),
                  "the model is damaged");
  if (model.graph().output().empty())
    throw Error(Kind::kBadInput, "the model has no output", "the model is damaged");
}

}  // namespace

CalibrateResult calibrate_onnx(const CalibrateOptions& options, Log& log, Progress& progress) {
  const CalibrationSource source = choose_source(options.calibration, false, log);
  OutputFiles outputs;
  outputs.protect(options.model);
  const ModelProto model = read_exported_model(options.model, options.key);
  within([&] { return quoted(options.model); },
         [&] {
           check_is_plain(model);
           check_can_run(model);
           check_names(model);
         });
  const OnnxInput input = onnx_input(model, options.model, options.input, log);
  const std::vector<std::string> unranged = unranged_in(model);
  const WatchedModel watched =
      within([&] { return quoted(options.model); }, [&] { return watched_model(model, unranged); });
  const CalibrationJob job{.model = model,
                           .computed = watched.model,
                           .source = source,
                           .loader = {},
                           .size = input.size,
                           .how = input.how,
                           .tensors = watched.tensors,
                           .unranged = unranged,
                           .input_dims = input.dims};
  const CalibrationImages images = open_images(options.calibration, job, outputs, log);
  reserve_calibration_outputs(options.calibration, source, outputs);
  CalibrateResult result;
  result.calibration = calibrate(options.calibration, job, images, outputs, log, progress);
  outputs.commit();
  result.written = outputs.written();
  log_written(result.written, log);
  return result;
}

}  // namespace etalon
