// DetectNet_v2's data loader as a source of calibration images.
#pragma once

#include "etalon/calibration/data_loader.hpp"
#include "etalon/pipeline/calibration.hpp"
#include "etalon/spec/detectnet_v2.pb.h"

namespace etalon {

// A warning for each source of the loader that has no frame for its split.
void warn_of_empty_sources(const LoaderSet& set, Log& log);

// The SpecLoader of an experiment, which must outlive it. Error (kBadInput): its pictures do not fit the
// network; else as open_data_loader.
SpecLoader detectnet_v2_loader(const detectnet_v2::Experiment& experiment);

}  // namespace etalon
