#include "etalon/pipeline/calibrate_onnx.hpp"

#include <fmt/format.h>

#include <set>

#include "etalon/base/error.hpp"
#include "etalon/calibration/scale_sources.hpp"
#include "etalon/networks/metadata.hpp"
#include "etalon/onnx/drop_identities.hpp"
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
  // The runtime forgets the name of what goes into a Dropout.
  ModelProto computed = model;
  drop_identities(computed);
  const auto observable =
      within([&] { return quoted(options.model); }, [&] { return observable_tensors(computed); });
  const std::set<std::string_view> can_be_observed(observable.begin(), observable.end());
  CalibrationJob job{.model = model,
                     .computed = computed,
                     .source = source,
                     .loader = {},
                     .size = input.size,
                     .how = input.how,
                     .tensors = {},
                     .unranged = unranged_in(model),
                     .input_dims = input.dims};
  for (const std::string& name : deciding_tensors(model, job.unranged))
    if (can_be_observed.contains(name)) job.tensors.push_back(name);
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
