// Activations by name: of an Activation layer, or of a layer that applies one at its end.
#pragma once

#include <string_view>

#include "etalon/networks/keras_layers/layer_call.hpp"

namespace etalon {

// `function` is what the configuration says: "relu", "swish" ... "linear" hands `x` on. Error (kUnsupported):
// unknown; the nearest name is given. `x_times_sigmoid`: the name of swish's product. TensorFlow calls it
// "mul" in an Activation layer and "mul_2" within a convolution, where two products came before it when TAO
// built its graphs.
LoweredTensor apply_activation(LayerCall& call, const LoweredTensor& x, std::string_view function,
                               std::string_view x_times_sigmoid);

}  // namespace etalon
