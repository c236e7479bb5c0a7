// A pass is a function on a model. Passes stand in a table, in order, and are run by one function that names
// each of them in errors and checks what it left behind.
#pragma once

#include <span>
#include <string_view>

#include "etalon/onnx/model.hpp"

namespace etalon {

struct Pass {
  std::string_view name;
  void (*run)(ModelProto&);
};

// Every pass that a model goes through before it is deployed, in order.
std::span<const Pass> deploy_passes();

// Runs the passes in order and checks the model after each. An Error gains the pass's name as a place; a
// model that was right before a pass and is not after it is Error(kInternal).
void run_passes(ModelProto& model, std::span<const Pass> passes);

}  // namespace etalon
