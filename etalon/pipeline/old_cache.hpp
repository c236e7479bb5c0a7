// A calibration cache that somebody has, for a model that somebody has.
#pragma once

#include <filesystem>

#include "etalon/base/log.hpp"
#include "etalon/calibration/cache_scales.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

// The scales of the cache's lines for the model's tensors; the log lists which lines match in another
// spelling, and which name nothing. Errors (kBadInput): the model has no layer with weights; the cache, named
// by `path`, has scales for the inputs of less than half of them, or one that is of no use.
CacheScales scales_of_cache(const CalibrationCache& cache, const std::filesystem::path& path,
                            const ModelProto& model, Log& log);

// Error (kBadInput, naming the cache): a scale that is 0 or denormal, as a tensor has that was 0 on all
// images of somebody's calibration. (No cache is read with one that is negative or no number.)
void check_scales(const CacheScales& found, const std::filesystem::path& path);

}  // namespace etalon
