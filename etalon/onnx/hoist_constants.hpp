// Constant nodes become initializers of the same name, so that later steps look for constants in one place.
#pragma once

#include "etalon/onnx/model.hpp"

namespace etalon {

// Of the outermost graph, those that hold one tensor or one number; sparse and string ones stay nodes. Raises
// the IR to 4 if anything changed: before, every initializer had to be an input too.
void hoist_constants(ModelProto& model);

}  // namespace etalon
