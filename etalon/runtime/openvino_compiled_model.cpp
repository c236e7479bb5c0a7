#include <map>
#include <openvino/runtime/core.hpp>
#include <openvino/runtime/properties.hpp>
#include <sstream>
#include <string>

#include "etalon/runtime/compiled_model.hpp"
#include "etalon/runtime/openvino_call.hpp"

namespace etalon {
namespace {

void open_batches(ov::Model& model, const BatchRange& batch) {
  std::map<ov::Output<ov::Node>, ov::PartialShape> shapes;
  for (const auto& input : model.inputs()) {
    ov::PartialShape shape = input.get_partial_shape();
    if (shape.rank().is_dynamic() || shape.size() == 0 || shape[0].is_static()) continue;
    shape[0] = ov::Dimension(batch.smallest, batch.largest);
    shapes.emplace(input, shape);
  }
  if (shapes.empty()) return;
  openvino_call(Kind::kBadInput, "compute this model in batches", [&] { model.reshape(shapes); });
}

}  // namespace

Bytes export_compiled_model(ByteView onnx, const BatchRange& batch) {
  ov::Core core;
  const auto model = openvino_call(Kind::kBadInput, "read the model",
                                   [&] { return core.read_model(std::string(as_text(onnx)), ov::Tensor()); });
  open_batches(*model, batch);
  const std::string blob = openvino_call(Kind::kUnsupported, "compile the model", [&] {
    // f32 while it is compiled; whoever imports it chooses again, and OpenVINO's default there may be bf16.
    auto compiled = core.compile_model(model, "CPU", ov::hint::inference_precision(ov::element::f32));
    std::ostringstream stream;
    compiled.export_model(stream);
    return std::move(stream).str();
  });
  const ByteView bytes = as_bytes(blob);
  return {bytes.begin(), bytes.end()};
}

}  // namespace etalon
