// A model compiled for the CPU of this machine, as OpenVINO writes it and imports it again
// (ov::Core::import_model).
//
//   const Bytes blob = export_compiled_model(onnx, {1, 16});
#pragma once

#include <cstdint>

#include "etalon/base/bytes.hpp"

namespace etalon {

struct BatchRange {
  std::int64_t smallest = 1, largest = 1;
};

// `onnx` are a model's bytes, its weights inside. An input whose first axis is open takes batches of this
// range; others stay as they are. Errors: kBadInput (OpenVINO cannot read it), kUnsupported (cannot compile
// it).
Bytes export_compiled_model(ByteView onnx, const BatchRange& batch);

// The first eight bytes of what OpenVINO 2026 writes.
inline constexpr char kCompiledModelMagic[] = "RR_UPCVO";

}  // namespace etalon
