#include "etalon/pipeline/inspect.hpp"

#include <fmt/format.h>

#include <map>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/formats/etlt/etlt.hpp"
#include "etalon/onnx/model.hpp"
#include "etalon/onnx/padding_fault.hpp"
#include "etalon/pipeline/spec_content.hpp"
#include "etalon/pipeline/trained_model.hpp"
#include "etalon/spec/spec_text.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x"));
}

std::string shape_text(const std::optional<Shape>& shape) {
  if (!shape) return "unknown";
  std::string text;
  for (const auto& dimension : *shape)
    text += (text.empty() ? "" : "x") + (dimension ? std::to_string(*dimension) : std::string("N"));
  return text.empty() ? "scalar" : text;
}

Json layer_rows(const KerasGraph& graph) {
  Json rows = Json::array();
  for (const auto& layer : graph.layers) {
    std::string weights;
    for (const auto& weight : layer.weights)
      weights += (weights.empty() ? "" : " ") + shape_text(weight.shape);
    rows.push_back({{"layer", layer.name}, {"class", layer.class_name}, {"weights", weights}});
    if (layer.graph)
      for (auto& row : layer_rows(*layer.graph)) {
        row["layer"] = layer.name + "/" + row["layer"].get<std::string>();
        rows.push_back(std::move(row));
      }
  }
  return rows;
}

Json references(const std::vector<KerasTensorRef>& tensors) {
  Json names = Json::array();
  for (const auto& tensor : tensors) names.push_back(tensor.layer);
  return names;
}

void add_keras(const fs::path& path, Json& seen) {
  const KerasModel model = read_keras_hdf5(path);
  seen["model"] = model.name;
  seen["keras_version"] = model.keras_version;
  seen["backend"] = model.backend;
  seen["parameters"] = model.parameter_count;
  seen["inputs"] = references(model.inputs);
  seen["outputs"] = references(model.outputs);
  seen["layers"] = layer_rows(model);
}

void add_onnx(const fs::path& path, Json& seen) {
  ModelProto model = read_onnx(path);
  seen["producer"] =
      model.producer_name() + (model.producer_version().empty() ? "" : " " + model.producer_version());
  seen["ir_version"] = model.ir_version();
  for (const auto& opset : model.opset_import())
    seen["opset " + (opset.domain().empty() ? std::string("ai.onnx") : opset.domain())] = opset.version();
  const auto values = [](const auto& infos) {
    Json rows = Json::array();
    for (const ValueInfoProto* info : infos)
      rows.push_back({{"tensor", info->name()}, {"shape", shape_text(shape_of(*info))}});
    return rows;
  };
  std::vector<const ValueInfoProto*> outputs;
  for (const auto& output : model.graph().output()) outputs.push_back(&output);
  seen["inputs"] = values(data_inputs(model.graph()));
  seen["outputs"] = values(outputs);
  std::uint64_t parameters = 0;
  for (const auto& weight : model.graph().initializer()) parameters += element_count(weight);
  seen["parameters"] = parameters;
  std::map<std::string, int> operators;
  for (const auto& node : model.graph().node()) ++operators[node.op_type()];
  Json rows = Json::array();
  for (const auto& [name, count] : operators) rows.push_back({{"operator", name}, {"count", count}});
  seen["operators"] = std::move(rows);
  for (const auto& entry : model.metadata_props()) seen["metadata"][entry.key()] = entry.value();
  const auto faults = find_padding_faults(model);
  if (faults.empty()) return;
  Json fault_rows = Json::array();
  for (const auto& fault : faults)
    fault_rows.push_back({{"node", fault.node}, {"has", fault.found}, {"trained with", fault.expected}});
  seen["warning"] =
      "this ONNX has the padding fault of NVIDIA's default export route: it does not compute what was "
      "trained; export the trained model anew";
  seen["padding_faults"] = std::move(fault_rows);
}

void add_cache(const fs::path& path, Json& seen) {
  const Bytes bytes = read_file(path, 64 << 20);
  const CalibrationCache cache = parse_calibration_cache(as_text(bytes));
  seen["header"] = cache.header;
  seen["lines"] = cache.lines.size();
  Json rows = Json::array();
  for (const auto& line : cache.lines)
    rows.push_back({{"tensor", line.tensor}, {"range", line.scale * 127.0F}, {"scale", line.scale}});
  seen["tensors"] = std::move(rows);
}

void add_etlt(const fs::path& path, Json& seen) {
  const EtltHeader header = read_etlt_header(read_file_head(path, 4096), fs::file_size(path));
  seen["payload"] = header.input_name.empty() ? "ONNX, encrypted" : "UFF, encrypted";
  if (!header.input_name.empty()) seen["input"] = header.input_name;
  seen["payload_size_bytes"] = header.payload_size_bytes;
}

void add_spec(const fs::path& path, Json& seen) {
  const Bytes bytes = read_file(path, kLargestSpecBytes);
  const SpecContent content = content_of_spec(as_text(bytes));  // the caller names the file
  seen["kind"] = content.kind;
  seen.update(content.facts);
  Json findings = Json::array();
  for (const auto& finding : content.findings) findings.push_back(describe(finding));
  if (!findings.empty()) seen["findings"] = std::move(findings);
}

struct KnownKind {
  FileKind kind;
  const char* name;
  void (*add)(const fs::path&, Json&);
};

constexpr KnownKind kKinds[] = {
    {FileKind::kKerasHdf5, "Keras model", add_keras},
    {FileKind::kOnnx, "ONNX model", add_onnx},
    {FileKind::kCalibrationCache, "calibration cache", add_cache},
    {FileKind::kEtlt, "exported TAO model (.etlt)", add_etlt},
    {FileKind::kSpec, "specification", add_spec},
};

}  // namespace

nlohmann::ordered_json inspect_file(const fs::path& path) {
  check_is_data_file(path);
  return within([&] { return "'" + escaped(path.string()) + "'"; },
                [&] {
                  const FileKind kind = kind_of_file(path);
                  for (const auto& known : kKinds)
                    if (known.kind == kind) {
                      Json seen{{"version", 1},
                                {"file", path.string()},
                                {"kind", known.name},
                                {"size_bytes", fs::file_size(path)}};
                      known.add(path, seen);
                      return seen;
                    }
                  if (kind == FileKind::kEncryptedOrUnknown && path.extension() == ".tlt")
                    return Json{{"version", 1},
                                {"file", path.string()},
                                {"kind", "encrypted TAO model (.tlt)"},
                                {"size_bytes", fs::file_size(path)},
                                {"note", "what is inside can only be seen with the key; export opens it"}};
                  throw Error(
                      Kind::kBadInput, "no file that etalon knows",
                      "expected a Keras model, ONNX, .etlt, .tlt, calibration cache or experiment spec");
                });
}

}  // namespace etalon
