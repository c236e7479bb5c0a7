// What of a model an engine's builder has to be told, or asks for.
//
//   EngineModel model = describe_for_engine(read_onnx("m.int8.onnx"));
//   model.quantized, model.inputs[0].name
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "etalon/onnx/model.hpp"

namespace etalon {

struct EngineInput {
  std::string name;
  std::vector<std::int64_t> dims;  // all axes, the batch too; -1 in its place where it is open
  bool open_batch() const { return !dims.empty() && dims.front() < 0; }
};

struct EngineModel {
  std::vector<EngineInput> inputs;
  bool quantized = false;  // has QuantizeLinear or DequantizeLinear
  bool half = false;       // has half floats among its inputs, weights and constants, or casts to them
  bool plugins = false;    // has nodes of TensorRT's plugins
  // Its types say how it is computed; a builder takes them as they are.
  bool explicit_precision() const { return quantized || half; }
  bool open_batch() const;
};

// Errors: kBadInput: no input, one without a shape; kUnsupported: an axis behind the batch is open.
EngineModel describe_for_engine(const ModelProto& model);

}  // namespace etalon
