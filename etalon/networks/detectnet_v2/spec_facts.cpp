#include "etalon/networks/detectnet_v2/spec_facts.hpp"

#include <fmt/format.h>

#include <cmath>

#include "etalon/base/error.hpp"
#include "etalon/spec/decimal.hpp"

namespace etalon {
namespace {

ClassClustering::Algorithm algorithm_of(const detectnet_v2::ClusteringConfig& config) {
  switch (config.clustering_algorithm()) {
    case detectnet_v2::ClusteringConfig::DBSCAN:
      return ClassClustering::Algorithm::kDbscan;
    case detectnet_v2::ClusteringConfig::NMS:
      return ClassClustering::Algorithm::kNms;
    case detectnet_v2::ClusteringConfig::HYBRID:
      return ClassClustering::Algorithm::kHybrid;
    default:
      break;
  }
  throw Error(Kind::kBadInput, fmt::format("clustering_algorithm is {}, expected DBSCAN, NMS or HYBRID",
                                           static_cast<int>(config.clustering_algorithm())));
}

}  // namespace

ClassClustering clustering_of(const std::string& class_name, const detectnet_v2::ClusteringConfig& config) {
  ClassClustering one;
  one.class_name = class_name;
  one.algorithm =
      within([&] { return fmt::format("postprocessing_config of class '{}'", escaped(class_name)); },
             [&] { return algorithm_of(config); });
  one.coverage_threshold = decimal_of(config.coverage_threshold());
  one.nms_iou_threshold = decimal_of(config.nms_iou_threshold());
  one.nms_confidence_threshold = decimal_of(config.nms_confidence_threshold());
  one.dbscan_eps = decimal_of(config.dbscan_eps());
  one.dbscan_min_samples = config.dbscan_min_samples();
  one.dbscan_confidence_threshold = decimal_of(config.dbscan_confidence_threshold());
  one.minimum_box_height = config.minimum_bounding_box_height();
  return one;
}

std::vector<ClassClustering> clustering_of(const detectnet_v2::Experiment& experiment,
                                           const std::vector<std::string>& labels) {
  const auto& by_class = experiment.postprocessing_config().target_class_config();
  std::vector<ClassClustering> clustering;
  for (const auto& label : labels) {
    const auto found = by_class.find(label);
    if (found != by_class.end() && found->second.has_clustering_config()) {
      clustering.push_back(clustering_of(label, found->second.clustering_config()));
    } else {
      clustering.emplace_back().class_name = label;
    }
  }
  return clustering;
}

BoxCode box_code_of(const detectnet_v2::Experiment& experiment) {
  BoxCode code;
  const auto& objectives = experiment.model_config().objective_set();
  if (!objectives.has_bbox()) return code;
  // proto3 cannot tell 0 from nothing; a scale of 0 means the field was left out.
  if (objectives.bbox().scale() != 0) {
    code.scale = decimal_of(objectives.bbox().scale());
    code.offset = decimal_of(objectives.bbox().offset());
  }
  if (!(code.scale > 0) || !std::isfinite(code.scale) || !std::isfinite(code.offset))
    throw Error(
        Kind::kBadInput,
        fmt::format("objective_set.bbox has the scale {} and the offset {}, expected a positive scale",
                    code.scale, code.offset));
  return code;
}

}  // namespace etalon
