// Inside formats/keras_hdf5: the group `model_weights`, read into the layers of a graph.
#pragma once

#include <cstdint>

#include "etalon/formats/hdf5/hdf5_file.hpp"
#include "etalon/formats/keras_hdf5/keras_model.hpp"

namespace etalon {

// Returns the number of parameters. Errors: see read_keras_hdf5.
std::uint64_t read_weights(const Hdf5Group& model_weights, KerasGraph& graph);

}  // namespace etalon
