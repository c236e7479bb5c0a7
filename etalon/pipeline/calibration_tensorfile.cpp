#include "etalon/pipeline/calibration_tensorfile.hpp"

#include <fmt/format.h>

#include "etalon/base/error.hpp"
#include "etalon/calibration/data_loader.hpp"
#include "etalon/calibration/write_tensorfile.hpp"
#include "etalon/pipeline/detectnet_v2_loader.hpp"
#include "etalon/pipeline/written_files.hpp"
#include "etalon/spec/detectnet_v2_spec.hpp"

namespace etalon {
namespace {

std::uint64_t batch_size_of(const detectnet_v2::Experiment& experiment) {
  const std::uint64_t size = experiment.training_config().batch_size_per_gpu();
  if (size == 0)
    throw Error(Kind::kBadInput,
                "training_config.batch_size_per_gpu is 0 or missing, expected the size of a batch");
  return size;
}

std::uint64_t batch_count(std::uint64_t frames, std::uint64_t batch_size, std::int64_t asked) {
  const std::uint64_t there = frames / batch_size;
  if (there == 0)
    throw Error(
        Kind::kBadInput,
        fmt::format("the dataset has {} images, which is less than a batch of {}", frames, batch_size),
        "lower training_config.batch_size_per_gpu");
  if (asked < 0) return there;
  if (static_cast<std::uint64_t>(asked) > there)
    throw Error(
        Kind::kBadInput,
        fmt::format("the dataset contains {} minibatches, while the requested amount is {}", there, asked),
        "lower --max_batches");
  return static_cast<std::uint64_t>(asked);
}

}  // namespace

TensorfileResult write_calibration_tensorfile(const TensorfileOptions& options, Log& log,
                                              Progress& progress) {
  const IfExists if_exists = options.force ? IfExists::kReplace : IfExists::kRefuse;
  OutputFiles outputs;
  outputs.protect(options.experiment_spec);
  outputs.reserve(options.output, if_exists);
  const DetectnetV2Spec spec = read_detectnet_v2_spec(options.experiment_spec);
  for (const auto& finding : spec.findings)
    log.warning(fmt::format("{}: {}", quoted(options.experiment_spec), describe(finding)));
  TensorfileResult result;
  const LoaderSet set = within(
      [&] { return quoted(options.experiment_spec); },
      [&] {
        result.batch_size = batch_size_of(spec.experiment);
        LoaderSet opened = open_data_loader(
            spec.experiment, options.use_validation_set ? LoaderSplit::kValidation : LoaderSplit::kTraining,
            options.data_root);
        result.batches = batch_count(opened.frame_count(), result.batch_size, options.max_batches);
        return opened;
      });
  warn_of_empty_sources(set, log);
  CalibrationImages images =
      images_from_loader(set, result.batches * result.batch_size, spec.experiment.random_seed());
  protect_images(images, outputs);
  log.info(fmt::format("writing {} batches of {}: {}", result.batches, result.batch_size, images.source));
  outputs.stage_file(options.output, if_exists, 0666, [&](const std::filesystem::path& file) {
    write_tensorfile(file, images, result.batch_size, set.size, Layout::kNchw, TensorfileType::kFloat32,
                     options.threads, progress);
  });
  outputs.commit();
  result.written = outputs.written().front();
  result.images = std::move(images.ids);
  log_written(outputs.written(), log);
  return result;
}

}  // namespace etalon
