// Inside formats/keras_hdf5: which layer of a graph owns which weight.
#pragma once

#include <cstdint>
#include <vector>

#include "etalon/formats/keras_hdf5/keras_model.hpp"
#include "etalon/formats/keras_hdf5/saved_file.hpp"

namespace etalon {

// Puts the saved weights into the graph's layers, those of nested models too, and returns how many numbers they are.
// Errors: a layer that only one of the two knows, NaN or Inf, an inner layer's weight of unclear owner.
std::uint64_t give_weights(std::vector<SavedLayer> saved, KerasGraph& graph);

}  // namespace etalon
