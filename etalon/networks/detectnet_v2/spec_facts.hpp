// What an experiment spec says about a deployed DetectNet_v2.
#pragma once

#include <string>
#include <vector>

#include "etalon/networks/deployable.hpp"
#include "etalon/spec/detectnet_v2_spec.hpp"

namespace etalon {

// One entry a label, in label order. A class that postprocessing_config leaves out gets ClassClustering's
// defaults. Error (kBadInput): an algorithm that does not exist.
std::vector<ClassClustering> clustering_of(const detectnet_v2::Experiment& experiment,
                                           const std::vector<std::string>& labels);

// A clustering_config of the experiment or of the inference task. Error as above.
ClassClustering clustering_of(const std::string& class_name, const detectnet_v2::ClusteringConfig& config);

// model_config.objective_set.bbox; 35 and 0.5 where the spec has nothing. Error (kBadInput): not positive.
BoxCode box_code_of(const detectnet_v2::Experiment& experiment);

}  // namespace etalon
