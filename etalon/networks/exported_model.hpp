// A network from an ONNX that was exported before, when the trained model is not at hand: what the file says
// of itself, and what its names tell.
//
//   Deployable net = deployable_from_exported(read_onnx("resnet18.onnx"), "detectnet_v2");
#pragma once

#include <string_view>

#include "etalon/networks/deployable.hpp"
#include "etalon/spec/detectnet_v2_spec.hpp"

namespace etalon {

// A model that etalon wrote stays as it is, metadata included; one of another tool gets them. Parameters are
// counted as the numbers of its initializers. Errors (kBadInput): it says that it is of another network; not
// one image input of fixed size; no outputs of this network.
Deployable deployable_from_exported(ModelProto&& model, std::string_view network);

// Labels, clustering and box code of a specification, written into the model's metadata in place of those
// that it has. For DetectNet_v2. Error (kBadInput): another number of classes.
void take_specification(Deployable& deployable, const DetectnetV2Spec& spec);

}  // namespace etalon
