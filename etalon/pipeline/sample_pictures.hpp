// What a detector finds in some photos, in FP32 and in INT8, drawn for the report.
#pragma once

#include <filesystem>
#include <vector>

#include "etalon/base/log.hpp"
#include "etalon/networks/deployable.hpp"
#include "etalon/report/html_report.hpp"

namespace etalon {

// `exact` and `rounded` can be run and have the deployable's outputs. Labels and clustering are the
// deployable's. Errors: a photo that cannot be read (named), outputs that are none of the network.
std::vector<ReportedPicture> sample_pictures(const Deployable& deployable, const ModelProto& exact,
                                             const ModelProto& rounded,
                                             const std::vector<std::filesystem::path>& photos, int threads,
                                             Progress& progress);

}  // namespace etalon
