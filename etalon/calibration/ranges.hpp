// From a tensor's statistics to the range that INT8 shall cover.
#pragma once

#include <string_view>

#include "etalon/runtime/tensor_statistics.hpp"

namespace etalon {

enum class Calibrator { kEntropy, kMinMax };
Calibrator parse_calibrator(std::string_view name);  // Error(kWrongUsage) names the known ones

// Largest |x| that INT8 shall hold, > 0 and finite. All-zero (and empty) statistics give FLT_EPSILON, as TensorRT does.
// Precondition: no NaN and no Inf were counted.
//   entropy: TensorRT's search over 2048 bins with zeros left out and at most 1 % of the non-zero values clipped;
//   minmax: the largest |x|.
float choose_range(const TensorStatistics& statistics, Calibrator calibrator);

}  // namespace etalon
