#include "etalon/networks/metadata.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

using nlohmann::json;

std::string_view word_of(ChannelOrder order) {
  return order == ChannelOrder::kRgb ? "rgb" : order == ChannelOrder::kBgr ? "bgr" : "grey";
}
std::string_view word_of(Layout layout) { return layout == Layout::kNchw ? "nchw" : "nhwc"; }
std::string_view word_of(ClassClustering::Algorithm algorithm) {
  switch (algorithm) {
    case ClassClustering::Algorithm::kDbscan:
      return "dbscan";
    case ClassClustering::Algorithm::kNms:
      return "nms";
    case ClassClustering::Algorithm::kHybrid:
      return "hybrid";
  }
  return "nms";
}
std::string_view word_of(OutputRole role) {
  switch (role) {
    case OutputRole::kCoverage:
      return "coverage";
    case OutputRole::kBoxes:
      return "boxes";
    case OutputRole::kDetections:
      return "detections";
    case OutputRole::kMasks:
      return "masks";
    case OutputRole::kProbabilities:
      return "probabilities";
  }
  return "detections";
}

// The one of `all` that word_of calls so.
template <class Value>
Value named(const std::string& word, std::initializer_list<Value> all) {
  for (const Value value : all)
    if (word_of(value) == word) return value;
  throw Error(Kind::kBadInput, fmt::format("the model's metadata says '{}'", escaped(word)));
}

// --- writing

json json_of(const Preprocessing& how) {
  return {{"channel_order", word_of(how.order)},
          {"layout", word_of(how.layout)},
          {"mean", how.order == ChannelOrder::kGrey ? json{how.mean[0]} : json(how.mean)},
          {"scale", how.scale}};
}

json json_of(const DeployedOutput& output) {
  return {{"role", word_of(output.role)}, {"tensor", output.tensor}};
}

json json_of(const BoxCode& code) { return {{"offset", code.offset}, {"scale", code.scale}}; }

json json_of(const ClassClustering& one) {
  return {{"class", one.class_name},
          {"algorithm", word_of(one.algorithm)},
          {"coverage_threshold", one.coverage_threshold},
          {"nms_iou_threshold", one.nms_iou_threshold},
          {"nms_confidence_threshold", one.nms_confidence_threshold},
          {"dbscan_eps", one.dbscan_eps},
          {"dbscan_min_samples", one.dbscan_min_samples},
          {"dbscan_confidence_threshold", one.dbscan_confidence_threshold},
          {"minimum_box_height", one.minimum_box_height}};
}

template <class Value>
json list_of(const std::vector<Value>& values) {
  json list = json::array();
  for (const auto& value : values) list.push_back(json_of(value));
  return list;
}

// --- reading

std::string word_at(const json& value, const char* key) { return value.at(key).get<std::string>(); }

Preprocessing preprocessing_of(const json& value) {
  Preprocessing how;
  how.order =
      named(word_at(value, "channel_order"), {ChannelOrder::kRgb, ChannelOrder::kBgr, ChannelOrder::kGrey});
  how.layout = named(word_at(value, "layout"), {Layout::kNchw, Layout::kNhwc});
  const auto mean = value.at("mean").get<std::vector<double>>();
  if (mean.empty() || mean.size() > how.mean.size()) throw Error(Kind::kBadInput, "mean is no colour");
  std::ranges::copy(mean, how.mean.begin());
  how.scale = value.at("scale").get<double>();
  return how;
}

DeployedOutput output_of(const json& value) {
  return {word_at(value, "tensor"),
          named(word_at(value, "role"), {OutputRole::kCoverage, OutputRole::kBoxes, OutputRole::kDetections,
                                         OutputRole::kMasks, OutputRole::kProbabilities})};
}

BoxCode box_code_of(const json& value) {
  const BoxCode code{value.at("scale").get<double>(), value.at("offset").get<double>()};
  if (!(code.scale > 0))
    throw Error(Kind::kBadInput,
                fmt::format("etalon.box_code has the scale {}, expected a positive one", code.scale));
  return code;
}

ClassClustering clustering_of(const json& value) {
  using Algorithm = ClassClustering::Algorithm;
  const auto number = [&](const char* key) { return value.at(key).get<double>(); };
  ClassClustering one;
  one.class_name = word_at(value, "class");
  one.algorithm =
      named(word_at(value, "algorithm"), {Algorithm::kDbscan, Algorithm::kNms, Algorithm::kHybrid});
  one.coverage_threshold = number("coverage_threshold");
  one.nms_iou_threshold = number("nms_iou_threshold");
  one.nms_confidence_threshold = number("nms_confidence_threshold");
  one.dbscan_eps = number("dbscan_eps");
  one.dbscan_min_samples = number("dbscan_min_samples");
  one.dbscan_confidence_threshold = number("dbscan_confidence_threshold");
  const double height = number("minimum_box_height");
  if (!(height >= 0 && height <= std::numeric_limits<int>::max()))
    throw Error(Kind::kBadInput, fmt::format("minimum_box_height is {}, expected pixels", height));
  one.minimum_box_height = static_cast<int>(height);
  return one;
}

template <class Value, class Make>
std::vector<Value> each(const json& list, Make&& make) {
  if (!list.is_array()) throw Error(Kind::kBadInput, "expected a list");
  std::vector<Value> values;
  for (const auto& value : list) values.push_back(make(value));
  return values;
}

// What `make` makes of the entry; nothing where the model has none.
template <class Make>
auto entry_in(const ModelProto& model, const char* key, std::string hint, Make&& make)
    -> std::optional<decltype(make(json()))> {
  for (const auto& entry : model.metadata_props()) {
    if (entry.key() != key) continue;
    try {
      return within([&] { return fmt::format("the model's metadata '{}'", key); },
                    [&] { return make(json::parse(entry.value())); });
    } catch (const json::exception&) {
      throw Error(Kind::kBadInput, fmt::format("the model's metadata '{}' is damaged", key), std::move(hint));
    }
  }
  return std::nullopt;
}

constexpr const char* kExportAgain = "export the model again";

// TAO's and our own names of the outputs, with or without what an exporter appends to them.
std::vector<DeployedOutput> outputs_by_name(const GraphProto& graph) {
  struct Known {
    std::string_view name;
    OutputRole role;
  };
  constexpr Known kKnown[] = {{"output_cov", OutputRole::kCoverage},
                              {"output_bbox", OutputRole::kBoxes},
                              {"generate_detections", OutputRole::kDetections},
                              {"mask_fcn_logits", OutputRole::kMasks}};
  std::vector<DeployedOutput> outputs;
  for (const auto& output : graph.output())
    for (const auto& known : kKnown)
      if (output.name().starts_with(known.name)) outputs.push_back({output.name(), known.role});
  return outputs;
}

void check_outputs(const std::vector<DeployedOutput>& outputs, const GraphProto& graph) {
  for (const auto& output : outputs)
    if (std::ranges::none_of(graph.output(), [&](const auto& o) { return o.name() == output.tensor; }))
      throw Error(Kind::kBadInput,
                  fmt::format("the model's metadata 'etalon.outputs' names '{}', which is no output",
                              escaped(output.tensor)),
                  kExportAgain);
}

}  // namespace

void write_metadata(Deployable& deployable) {
  const auto put = [&](const char* key, std::string value) {
    auto& entry = *deployable.model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(std::move(value));
  };
  const auto put_json = [&](const char* key, const json& value) {
    put(key, value.dump(-1, ' ', false, json::error_handler_t::replace));
  };
  const auto has = [&](OutputRole role) {
    return std::ranges::any_of(deployable.outputs, [&](const auto& output) { return output.role == role; });
  };
  put("etalon.network", deployable.network);
  put_json("etalon.preprocessing", json_of(deployable.preprocessing));
  put_json("etalon.outputs", list_of(deployable.outputs));
  if (has(OutputRole::kCoverage) && has(OutputRole::kBoxes))
    put_json("etalon.box_code", json_of(deployable.box_code));
  if (!deployable.unranged.empty()) put_json("etalon.unranged", deployable.unranged);
  if (!deployable.labels.empty()) put_json("etalon.labels", deployable.labels);
  if (!deployable.clustering.empty()) put_json("etalon.clustering", list_of(deployable.clustering));
}

std::optional<std::string> ServedModel::tensor_of(OutputRole role) const {
  for (const auto& output : outputs)
    if (output.role == role) return output.tensor;
  return std::nullopt;
}

std::vector<std::string> unranged_in(const ModelProto& model) {
  return entry_in(model, "etalon.unranged", kExportAgain,
                  [](const json& value) { return value.get<std::vector<std::string>>(); })
      .value_or(std::vector<std::string>{});
}

ServedModel served_model_in(const ModelProto& model) {
  ServedModel served;
  for (const auto& entry : model.metadata_props())
    if (entry.key() == "etalon.network") served.network = entry.value();
  served.preprocessing = entry_in(model, "etalon.preprocessing", kExportAgain, preprocessing_of);
  served.labels = entry_in(model, "etalon.labels", kExportAgain, [](const json& value) {
                    return value.get<std::vector<std::string>>();
                  }).value_or(std::vector<std::string>{});
  served.clustering = entry_in(model, "etalon.clustering", kExportAgain, [](const json& value) {
                        return each<ClassClustering>(value, clustering_of);
                      }).value_or(std::vector<ClassClustering>{});
  served.box_code = entry_in(model, "etalon.box_code", kExportAgain, box_code_of);
  const auto outputs = entry_in(model, "etalon.outputs", kExportAgain,
                                [](const json& value) { return each<DeployedOutput>(value, output_of); });
  if (outputs) check_outputs(*outputs, model.graph());
  served.outputs = outputs ? *outputs : outputs_by_name(model.graph());
  return served;
}

std::optional<Preprocessing> preprocessing_in(const ModelProto& model) {
  return entry_in(model, "etalon.preprocessing", "give --mean, --scale and the rest", preprocessing_of);
}

}  // namespace etalon
