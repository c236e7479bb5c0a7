#include "etalon/pipeline/inspect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/engine/engine_kind.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/formats/etlt/etlt.hpp"
#include "etalon/formats/statistics_file/statistics_file.hpp"
#include "etalon/formats/tensorfile/tensorfile_reader.hpp"
#include "etalon/formats/tfrecord/frame_record.hpp"
#include "etalon/formats/tfrecord/tfrecord.hpp"
#include "etalon/networks/keras_layers/quantized_layers.hpp"
#include "etalon/networks/mask_rcnn/describe_checkpoint.hpp"
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
  if (const auto aware = std::ranges::count_if(model.layers, is_quantization_aware); aware > 0) {
    const auto ranges = std::ranges::count_if(model.layers, is_qdq);
    seen["quantization_aware"] = {{"ranges", ranges}, {"kernels", aware - ranges}};
  }
  seen["inputs"] = references(model.inputs);
  seen["outputs"] = references(model.outputs);
  seen["layers"] = layer_rows(model);
}

void add_checkpoint(const fs::path& path, Json& seen) {
  const TfCheckpoint checkpoint = read_tf_checkpoint(path);
  seen["checkpoint"] = checkpoint.stem;
  if (const auto net = describe_mask_rcnn(checkpoint)) {
    seen["network"] = "mask_rcnn";
    seen["backbone"] = net->layers > 0
                           ? fmt::format("ResNet-{}{}", net->layers, net->complete ? "" : ", incomplete")
                           : "no ResNet that TAO has";
    seen["pruned"] = net->pruned;
    seen["widths"] = {{"C2 .. C5", fmt::format("{}", fmt::join(net->backbone_widths, ", "))},
                      {"P2 .. P6", net->pyramid_width},
                      {"fc7", net->head_width}};
    seen["classes"] = net->class_count;  // background included
    seen["anchors_per_cell"] = net->anchors_per_cell;
    seen["parameters"] = net->parameter_count;
    seen["optimizer_variables"] = net->optimizer_slots;
    if (net->step) seen["step"] = *net->step;
  }
  Json rows = Json::array();
  for (const auto& variable : checkpoint.variables)
    rows.push_back({{"variable", variable.name},
                    {"type", checkpoint_type_name(variable.type)},
                    {"shape", shape_text(variable.shape)},
                    {"size_bytes", variable.size_bytes}});
  seen["variables"] = std::move(rows);
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
      "trained; `etalon detectnet_v2 export --repair_padding` mends it";
  seen["padding_faults"] = std::move(fault_rows);
}

void add_cache(const fs::path& path, Json& seen) {
  const CalibrationCache cache = read_calibration_cache(path);
  seen["header"] = cache.header;
  seen["lines"] = cache.lines.size();
  Json rows = Json::array();
  for (const auto& line : cache.lines)
    rows.push_back({{"tensor", line.tensor}, {"range", line.range()}, {"scale", line.scale}});
  seen["tensors"] = std::move(rows);
}

void add_etlt(const fs::path& path, Json& seen) {
  const EtltHeader header = read_etlt_header(read_file_head(path, 4096), fs::file_size(path));
  seen["payload"] = header.input_name.empty() ? "ONNX, encrypted" : "UFF, encrypted";
  if (!header.input_name.empty()) seen["input"] = header.input_name;
  seen["payload_size_bytes"] = header.payload_size_bytes;
}

void add_engine(const fs::path& path, Json& seen) {
  const Bytes head = read_file_head(path, 4096);
  seen["engine"] = engine_kind(head).value_or("unknown");
  if (const auto made_for = compiled_for(head)) seen["made_for"] = *made_for;
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

void add_tensorfile(const fs::path& path, Json& seen) {
  const TensorfileFacts facts = read_tensorfile_facts(path);
  seen["batches"] = facts.batches;
  if (facts.count && *facts.count != static_cast<std::int64_t>(facts.batches))
    seen["warning"] = fmt::format(
        "the file's own count says {} batches; readers go by the groups that are there", *facts.count);
  seen["batch"] = shape_text(facts.shape);
  seen["numbers"] = facts.element_type;
  seen["storage"] = facts.storage;
  if (!facts.images.empty()) seen["first_images"] = facts.images;
}

void add_tfrecord(const fs::path& path, Json& seen) {
  std::uint64_t records = 0, frames = 0;
  std::map<std::pair<std::int64_t, std::int64_t>, std::uint64_t> sizes;
  std::map<std::string, std::uint64_t> objects;
  std::string first_id;
  Json features = Json::array();
  read_tfrecords(path, [&](std::uint64_t number, ByteView record) {
    ++records;
    const auto example = parse_tf_example(record);
    if (number == 0)
      for (const auto& [name, feature] : example) features.push_back(name);
    if (!example.contains("frame/id")) return;
    const FrameRecord frame = frame_record(example);
    if (frames++ == 0) first_id = frame.id;
    ++sizes[{frame.width, frame.height}];
    for (const auto& [name, count] : count_objects(example)) objects[name] += count;
  });
  seen["records"] = records;
  if (frames > 0) {
    seen["frames"] = frames;
    seen["first_frame"] = first_id;
    Json rows = Json::array();
    for (const auto& [size, count] : sizes)
      rows.push_back({{"width", size.first}, {"height", size.second}, {"frames", count}});
    seen["sizes"] = std::move(rows);
    Json classes = Json::array();
    for (const auto& [name, count] : objects) classes.push_back({{"class", name}, {"objects", count}});
    if (!classes.empty()) seen["classes"] = std::move(classes);
  }
  seen["features"] = std::move(features);
}

void add_statistics(const fs::path& path, Json& seen) {
  const StatisticsFile file = parse_statistics(read_file(path, kMostStatisticsBytes));
  seen["run"] = file.run;
  seen["network"] = file.model;
  seen["part"] = fmt::format("{}/{}", file.shard, file.shards);
  seen["images"] = file.images;
  if (file.images_done < file.images)
    seen["warning"] =
        fmt::format("interrupted after {} images: the same command goes on from there", file.images_done);
  for (const auto& [key, text] : file.facts) seen["facts"][key] = text;
  Json rows = Json::array();
  for (const auto& tensor : file.tensors) {
    const std::uint64_t zeros =
        !tensor.buckets.empty() && tensor.buckets.front().first == 0 ? tensor.buckets.front().second : 0;
    rows.push_back(
        {{"tensor", tensor.tensor},
         {"values", tensor.values},
         {"max", std::bit_cast<float>(tensor.max_bits)},
         {"zeros",
          tensor.values > 0 ? static_cast<double>(zeros) / static_cast<double>(tensor.values) : 0.0}});
  }
  seen["tensors"] = std::move(rows);
}

struct KnownKind {
  FileKind kind;
  const char* name;
  void (*add)(const fs::path&, Json&);
};

constexpr KnownKind kKinds[] = {
    {FileKind::kKerasHdf5, "Keras model", add_keras},
    {FileKind::kCheckpointZip, "TensorFlow checkpoint in a ZIP", add_checkpoint},
    {FileKind::kBareCheckpoint, "bare TensorFlow checkpoint", add_checkpoint},
    {FileKind::kTensorfile, "calibration tensorfile", add_tensorfile},
    {FileKind::kTfRecord, "TFRecord file", add_tfrecord},
    {FileKind::kStatistics, "calibration statistics", add_statistics},
    {FileKind::kOnnx, "ONNX model", add_onnx},
    {FileKind::kCalibrationCache, "calibration cache", add_cache},
    {FileKind::kEtlt, "exported TAO model (.etlt)", add_etlt},
    {FileKind::kEngine, "engine", add_engine},
    {FileKind::kSpec, "specification", add_spec},
};

}  // namespace

nlohmann::ordered_json inspect_file(const fs::path& path) {
  const FileKind kind = kind_of_file(path);
  return within([&] { return quoted(path); },
                [&] {
                  for (const auto& known : kKinds)
                    if (known.kind == kind) {
                      Json seen{{"version", 1}, {"file", path.string()}, {"kind", known.name}};
                      if (!fs::is_directory(path)) seen["size_bytes"] = fs::file_size(path);
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
                      "expected a Keras model, checkpoint, ONNX, .etlt, .tlt, calibration cache, tensorfile, "
                      "TFRecord, statistics, engine or "
                      "experiment spec");
                });
}

}  // namespace etalon
