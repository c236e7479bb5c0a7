#include "etalon/pipeline/exported_model.hpp"

#include <fmt/format.h>

#include <set>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/calibration/scale_sources.hpp"
#include "etalon/formats/etlt/etlt.hpp"
#include "etalon/onnx/drop_identities.hpp"
#include "etalon/pipeline/encrypted_content.hpp"
#include "etalon/quantization/explicit_int8.hpp"
#include "etalon/quantization/floating_form.hpp"
#include "etalon/runtime/session.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

ModelProto read_etlt(const fs::path& path, std::string_view key) {
  const Bytes bytes = read_file(path);
  const EtltHeader header = read_etlt_header(bytes, bytes.size());
  if (!header.input_name.empty())
    throw Error(
        Kind::kUnsupported,
        fmt::format("this .etlt holds UFF (its input is '{}'), expected ONNX", escaped(header.input_name)),
        "export the trained model anew; UFF ended with TensorRT 9");
  const Bytes plain = decrypt_with_key(ByteView(bytes).subspan(header.payload_offset), key);
  if (!looks_like_onnx(plain))
    throw Error(Kind::kBadInput, "the key does not open the model: what it decrypts to is no ONNX",
                "give the key it was exported with: --key KEY");
  return read_onnx(plain);
}

}  // namespace

ModelProto read_exported_model(const fs::path& path, std::string_view key) {
  const FileKind kind = kind_of_file(path);
  return within([&] { return quoted(path); },
                [&]() -> ModelProto {
                  if (kind == FileKind::kEtlt) return read_etlt(path, key);
                  if (kind == FileKind::kOnnx) return read_onnx(path);
                  throw Error(Kind::kBadInput, "this is no exported model, expected .onnx or .etlt",
                              "etalon NETWORK export makes one of a trained model");
                });
}

WatchedModel watched_model(const ModelProto& model, const std::vector<std::string>& unranged) {
  WatchedModel watched{.model = model, .tensors = deciding_tensors(model, unranged)};
  drop_identities(watched.model);
  const auto seen = observable_tensors(watched.model);
  const std::set<std::string_view> can_be_seen(seen.begin(), seen.end());
  std::erase_if(watched.tensors, [&](const std::string& name) { return !can_be_seen.contains(name); });
  return watched;
}

void check_can_run(const ModelProto& model) {
  for (const auto& node : model.graph().node())
    if (is_plugin_node(node) || node.op_type().ends_with("_TRT"))
      throw Error(Kind::kUnsupported,
                  fmt::format("node '{}' is TensorRT's plugin {}, which no CPU has", escaped(node.name()),
                              escaped(node.op_type())),
                  "export the trained model with --plugins none");
}

void check_is_plain(const ModelProto& model) {
  if (is_explicitly_quantized(model))
    throw Error(Kind::kBadInput,
                "the model is quantised already: it has QuantizeLinear or DequantizeLinear nodes",
                "give the model in floating point; `etalon calibrate extract` gives the ranges of this one");
}

ModelProto read_runnable_model(const fs::path& path, std::string_view key) {
  const ModelProto model = read_exported_model(path, key);
  return within([&] { return quoted(path); }, [&] { return floating_form(model); });
}

}  // namespace etalon
