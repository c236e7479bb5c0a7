// A model in half precision (float16) inside and float32 at its ends.
//
//   HalfPrecision made = make_half_precision(model, {.ranges = {{"input_1", 1.0F}, ...}});
//   made.model          // weights are float16; inputs and outputs stay float32
//   made.kept_float     // what stays in float32, with the reason
//
// A tensor keeps its name whatever its type. Where somebody needs the other type, one Cast for all of them
// makes `x/half` or `x/float`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "etalon/onnx/model.hpp"

namespace etalon {

struct HalfOptions {
  std::map<std::string, float> ranges{};  // largest |x| by tensor, where it is known
  // Tensors whose makers stay in float32, as Deployable::unranged names them: an entry that ends in '/' is
  // all that begin with it. Pixel coordinates beyond 1024 have no halves in half precision.
  std::vector<std::string> keep_float{};
};

struct KeptFloat {
  std::string layer;   // the node's output tensor
  std::string reason;  // "exponentials overflow"
};

struct HalfPrecision {
  ModelProto model;
  std::vector<KeptFloat> kept_float;  // graph order
};

// Operators whose sums, quotients or exponentials overflow half precision, NonMaxSuppression, whatever orders
// or compares, and plugins stay in float32 (the table in half_precision.cpp), and so do layers with a
// constant beyond 65504 or none that half precision has in full, and layers that read or make a tensor whose
// range is above 32752, half of what fits. Operators that only move values have the type of what they move.
//
// Given a model in explicit INT8, scales become half floats, which needs opset 19. A layer with a scale that
// half precision has not to 10 bits (most below 3e-5) computes in float32 around its integers.
//
// Errors (kUnsupported): opset below 9, subgraphs (If, Loop, Scan), a model that has half floats already, in
// INT8 what raise_opset_to_19 refuses.
HalfPrecision make_half_precision(const ModelProto& model, const HalfOptions& options = {});

}  // namespace etalon
