// The facts of a Deployable, written into its ONNX: an exported file itself says what goes in and comes out.
//
//   write_metadata(deployable);
//   const ServedModel served = served_model_in(read_onnx("resnet18.onnx"));
//   served.labels              -> {"car", "person"}
//   served.tensor_of(OutputRole::kCoverage)  -> "output_cov/Sigmoid"
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "etalon/networks/deployable.hpp"

namespace etalon {

// etalon.network (text), etalon.preprocessing, etalon.outputs and, when they are known,
// etalon.unranged, etalon.labels and etalon.clustering (JSON, keys sorted). etalon.box_code only for a
// network whose outputs are coverage and boxes.
void write_metadata(Deployable& deployable);

// What a model file says of itself. Everything may be absent: files come from other tools too.
struct ServedModel {
  std::optional<std::string> network;
  std::optional<Preprocessing> preprocessing;
  std::vector<std::string> labels;          // empty: the file does not say
  std::vector<DeployedOutput> outputs;      // empty: neither said nor known by their names
  std::vector<ClassClustering> clustering;  // empty: the file does not say
  std::optional<BoxCode> box_code;

  // Nothing where no output has the role.
  std::optional<std::string> tensor_of(OutputRole role) const;
};

// Files without etalon.outputs (exported earlier, or by TAO) have their roles by the names of the graph's
// outputs: output_cov, output_bbox, generate_detections, mask_fcn_logits. Error (kBadInput): an entry that is
// damaged, or an output that the graph does not have.
ServedModel served_model_in(const ModelProto& model);

// Of it only the preprocessing, for readers to whom the rest, even damaged, is nothing.
std::optional<Preprocessing> preprocessing_in(const ModelProto& model);

// Deployable::unranged, for whoever calibrates the file; empty where it has no such entry. Error (kBadInput):
// damaged.
std::vector<std::string> unranged_in(const ModelProto& model);

}  // namespace etalon
