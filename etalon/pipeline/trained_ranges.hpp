// What quantisation-aware training fixed, as the files that TAO writes of it: a calibration cache, a JSON.
#pragma once

#include <map>
#include <string>

#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/networks/deployable.hpp"

namespace etalon {

// A line for each range, in the order of the trained model's layers, those of tensors that folding took out
// of the graph included: readers pass over them. Tensors without a range have no line.
CalibrationCache trained_cache(const TrainedQuantization& trained, const TensorRtVersion& version);

// By tensor of the graph, the step that it is rounded with: where training rounded it several times over, the
// smallest.
std::map<std::string, float> trained_scales(const TrainedQuantization& trained);

}  // namespace etalon
