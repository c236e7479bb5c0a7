#include "etalon/pipeline/detectnet_v2_loader.hpp"

#include <fmt/format.h>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

CalibrationImages open_loader(const detectnet_v2::Experiment& experiment, const CalibrationOptions& options,
                              const InputSize& size, Log& log) {
  const LoaderSet set = open_data_loader(
      experiment, options.use_validation_set ? LoaderSplit::kValidation : LoaderSplit::kTraining,
      options.data_root);
  if (set.size.channels != size.channels || set.size.height != size.height || set.size.width != size.width)
    throw Error(
        Kind::kBadInput,
        fmt::format(
            "the specification's data loader makes images of {}x{}x{}, but the network takes {}x{}x{}",
            set.size.channels, set.size.height, set.size.width, size.channels, size.height, size.width),
        "give the specification that the network was trained with, or --cal_image_dir");
  warn_of_empty_sources(set, log);
  const std::uint64_t wanted = options.batches * options.batch_size;
  if (wanted > set.frame_count())
    log.warning(fmt::format(
        "--batches {} x --batch_size {} asks for {} images and there are {} frames: they repeat, as in TAO",
        options.batches, options.batch_size, wanted, set.frame_count()));
  return images_from_loader(set, wanted, options.seed);
}

}  // namespace

void warn_of_empty_sources(const LoaderSet& set, Log& log) {
  for (const auto& pattern : set.without_frames)
    log.warning(fmt::format("the source of '{}' has no frame for {}: validation_fold takes all of its files",
                            escaped(pattern),
                            set.split == LoaderSplit::kTraining ? "training" : "validation"));
}

SpecLoader detectnet_v2_loader(const detectnet_v2::Experiment& experiment) {
  return [&experiment](const CalibrationOptions& options, const InputSize& size, Log& log) {
    return open_loader(experiment, options, size, log);
  };
}

}  // namespace etalon
