// Inside formats/keras_hdf5: is the graph one that can be computed?
#pragma once

#include "etalon/formats/keras_hdf5/keras_model.hpp"

namespace etalon {

// Errors (kBadInput, the layer named): two layers of one name, a reference to a layer, call or output that does not
// exist, a layer that is never called, calls that wait for each other. Does not look into nested graphs.
void check_graph(const KerasGraph& graph);

}  // namespace etalon
