// Which function lowers which Keras layer class. docs/adding_a_layer.md tells how to add one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "etalon/networks/keras_layers/layer_call.hpp"

namespace etalon {

using LowerLayer = LoweredTensor (*)(LayerCall&);

// Never nullptr. Error (kUnsupported): no such class here; says why if it is known why, else the nearest
// name.
LowerLayer lower_function_of(std::string_view class_name);

}  // namespace etalon
