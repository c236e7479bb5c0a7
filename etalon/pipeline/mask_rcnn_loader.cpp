#include "etalon/pipeline/mask_rcnn_loader.hpp"

#include <fmt/format.h>

#include "etalon/calibration/record_images.hpp"

namespace etalon {

SpecLoader mask_rcnn_loader(const MaskRcnnSpec& spec, const MaskRcnnFacts& facts) {
  return [&spec, &facts](const CalibrationOptions& options, const InputSize& size, Log& log) {
    const auto& data = spec.experiment.data_config();
    const bool validation = options.use_validation_set;
    const PaddedPreprocessing how{.height = size.height, .width = size.width, .stride = 1 << facts.max_level};
    const RecordImageSet set = open_record_images(
        validation ? data.validation_file_pattern() : data.training_file_pattern(),
        validation ? "data_config.validation_file_pattern" : "data_config.training_file_pattern", ".", how);
    const std::uint64_t wanted = options.batches * options.batch_size;
    if (wanted > set.records.size())
      log.warning(
          fmt::format("--batches {} x --batch_size {} asks for {} images and there are {} records: they "
                      "repeat, as in TAO",
                      options.batches, options.batch_size, wanted, set.records.size()));
    return images_from_records(set, wanted, options.seed);
  };
}

}  // namespace etalon
