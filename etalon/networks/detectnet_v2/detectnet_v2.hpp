// TAO's DetectNet_v2: from the trained Keras model, and the spec if there is one, to what is deployed.
//
//   DetectnetV2Spec spec = read_detectnet_v2_spec("spec.txt");
//   Deployable net = deployable_from_keras(read_keras_hdf5("resnet18.hdf5"), &spec, {});
//
// docs/networks/detectnet_v2.md has the facts.
#pragma once

#include <optional>

#include "etalon/formats/keras_hdf5/keras_model.hpp"
#include "etalon/networks/deployable.hpp"
#include "etalon/networks/tensor_names.hpp"
#include "etalon/spec/detectnet_v2_spec.hpp"

namespace etalon {

struct DetectnetV2Options {
  std::optional<std::int64_t> static_batch_size;  // else the batch is open: "N"
  TensorNames tensor_names = TensorNames::kPlain;
};

// The model is lowered, its batch norms are folded, its outputs put in the order coverage, boxes, its facts
// written into metadata_props (etalon.network, .labels, .preprocessing, .box_code, .clustering; JSON). `spec`
// may be nullptr: then labels and clustering are empty. Errors: kBadInput, not a DetectNet_v2 (what was found
// is said), or the spec's classes do not match the model's; kUnsupported and kBadInput of lower_keras_graph.
Deployable deployable_from_keras(KerasModel&& model, const DetectnetV2Spec* spec,
                                 const DetectnetV2Options& options);

// Labels, clustering and box code as the specification has them; the metadata are not touched. Error
// (kBadInput): it names another number of classes than the model detects.
void take_spec_facts(Deployable& deployable, const detectnet_v2::Experiment& experiment);

}  // namespace etalon
