// Inside formats/keras_hdf5: the JSON that Keras saves as attribute `model_config`, read into a graph without weights.
#pragma once

#include <string_view>

#include "etalon/formats/keras_hdf5/keras_model.hpp"

namespace etalon {

// Understands class Model, Functional and Sequential, nested ones too; every reference is checked: it exists, and
// nothing depends on itself. A Sequential model gets the InputLayer that Keras makes for it when it loads
// (`<first layer>_input`), unless the file has one. Errors: kBadInput; kUnsupported for Keras 3's form, for a
// Sequential model of unknown input shape and for calls with arguments that change what a layer computes.
KerasGraph parse_model_config(std::string_view json_text);

}  // namespace etalon
