#include "etalon/pipeline/compare_models.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/onnx/graph_match.hpp"
#include "etalon/onnx/layer_difference.hpp"
#include "etalon/onnx/padding_fault.hpp"
#include "etalon/pipeline/compared_model.hpp"
#include "etalon/pipeline/tensor_differences.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Two graphs, which of their nodes are the same, and what is different in those.
struct Comparison {
  Comparison(const ComparedModel& a, const ComparedModel& b)
      : first(a),
        second(b),
        graph(a.model.graph()),
        other(b.model.graph()),
        match(match_graphs(graph, other)) {
    const Constants constants = constants_of(graph), others = constants_of(other);
    for (const NodePair& pair : match.pairs) {
      const NodeProto &one = graph.node(pair.first), &two = other.node(pair.second);
      layers.push_back({.name = layer_name(one, constants),
                        .op = one.op_type(),
                        .differences = layer_differences(one, constants, two, others, match.tensors),
                        .weights = weight_differences(one, constants, two, others)});
    }
    for (const int i : match.only_first) only_first.push_back(row_of(graph.node(i), constants));
    for (const int i : match.only_second) only_second.push_back(row_of(other.node(i), others));
  }

  static Json row_of(const NodeProto& node, const Constants& constants) {
    return {{"layer", layer_name(node, constants)},
            {"operator", node.op_type()},
            {"tensor", node.output_size() > 0 ? node.output(0) : ""}};
  }

  struct Layer {
    std::string name, op;
    std::vector<LayerDifference> differences;
    std::vector<WeightDifference> weights;  // the equal ones too
  };

  const ComparedModel &first, &second;
  const GraphProto &graph, &other;
  GraphMatch match;
  std::vector<Layer> layers;  // one a pair
  Json only_first = Json::array(), only_second = Json::array();
};

bool beyond_rounding(const WeightDifference& weight) { return weight.relative > kSameWeights; }

// JSON has no infinity.
Json number_or(double value, const char* otherwise) {
  return std::isfinite(value) ? Json(value) : Json(otherwise);
}
Json decibel(double value) {
  if (std::isinf(value)) return value > 0 ? "equal" : "none";
  return std::round(value * 100) / 100;
}

Json values_of(const std::vector<const ValueInfoProto*>& values) {
  Json texts = Json::array();
  for (const auto* value : values) {
    std::string shape = "?";
    if (const auto dims = shape_of(*value)) {
      shape.clear();
      for (const auto& dim : *dims)
        shape += (shape.empty() ? "" : "x") + (dim ? std::to_string(*dim) : std::string("N"));
    }
    texts.push_back(fmt::format("{} [{}]", value->name(), shape));
  }
  return texts;
}
Json inputs_of(const GraphProto& graph) { return values_of(data_inputs(graph)); }
Json outputs_of(const GraphProto& graph) {
  std::vector<const ValueInfoProto*> outputs;
  for (const auto& output : graph.output()) outputs.push_back(&output);
  return values_of(outputs);
}

Json attribute_rows(const Comparison& compared) {
  Json rows = Json::array();
  for (const auto& layer : compared.layers)
    for (const auto& [what, first, second] : layer.differences)
      rows.push_back({{"layer", layer.name},
                      {"operator", layer.op},
                      {"what", what},
                      {"first", first},
                      {"second", second}});
  return rows;
}

// Worst first.
Json weight_rows(const Comparison& compared) {
  std::vector<std::pair<double, Json>> rows;
  for (const auto& layer : compared.layers)
    for (const auto& weight : layer.weights)
      if (beyond_rounding(weight))
        rows.emplace_back(weight.relative,
                          Json{{"layer", layer.name},
                               {"first", weight.first},
                               {"second", weight.second},
                               {"max_abs", weight.shapes.empty() ? number_or(weight.max_abs, "not finite")
                                                                 : Json(weight.shapes)},
                               {"relative", number_or(weight.relative, "-")}});
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  Json sorted = Json::array();
  for (auto& [relative, row] : rows) sorted.push_back(std::move(row));
  return sorted;
}

Json weight_counts(const Comparison& compared) {
  std::size_t equal = 0, rounded = 0, other = 0;
  for (const auto& layer : compared.layers)
    for (const auto& weight : layer.weights)
      ++(weight.max_abs == 0 ? equal : beyond_rounding(weight) ? other : rounded);
  return {{"equal", equal}, {"equal but for rounding", rounded}, {"different", other}};
}

// What is different in the layer that makes a tensor, in words.
Json reasons(const Comparison::Layer& layer) {
  Json texts = Json::array();
  for (const auto& [what, first, second] : layer.differences)
    texts.push_back(fmt::format("{}: {} in the first, {} in the second", what, first, second));
  for (const auto& weight : layer.weights)
    if (beyond_rounding(weight))
      texts.push_back(weight.shapes.empty()
                          ? fmt::format("weights '{}' and '{}' differ by up to {:.3g}, {:.3g} of the largest",
                                        escaped(weight.first), escaped(weight.second), weight.max_abs,
                                        weight.relative)
                          : fmt::format("weights '{}' and '{}' have the shapes {}", escaped(weight.first),
                                        escaped(weight.second), weight.shapes));
  if (texts.empty())
    texts.push_back(
        "nothing in the layer itself: what it reads differs, by less than counts or in layers that only one "
        "model has");
  return texts;
}

Json tensor_row(const TensorDifference& tensor, const Comparison::Layer& layer) {
  return {{"layer", layer.name},
          {"operator", layer.op},
          {"first", tensor.first},
          {"second", tensor.second},
          {"max_abs", tensor.shapes.empty() ? number_or(tensor.max_abs, "not finite") : Json(tensor.shapes)},
          {"relative", number_or(tensor.relative, "-")},
          {"snr_db", decibel(tensor.snr_db)}};
}

struct MeasuredTensor {
  TensorDifference difference;
  const Comparison::Layer* layer;
};

std::vector<MeasuredTensor> measure(const Comparison& compared, const CommonInput& input, int threads,
                                    Progress& progress) {
  std::vector<std::pair<std::string, std::string>> pairs;
  std::map<std::string, const Comparison::Layer*> layers;
  for (std::size_t i = 0; i < compared.match.pairs.size(); ++i) {
    const auto& [one, two] = compared.match.pairs[i];
    const auto &made = compared.graph.node(one).output(), &others = compared.other.node(two).output();
    for (int k = 0; k < std::min(made.size(), others.size()); ++k) {
      if (made[k].empty() || others[k].empty() || !layers.emplace(made[k], &compared.layers[i]).second)
        continue;
      pairs.emplace_back(made[k], others[k]);
    }
  }
  std::vector<MeasuredTensor> measured;
  for (auto& one : tensor_differences(compared.first.model, compared.second.model, pairs, input.fill, threads,
                                      progress)) {
    const auto* layer = layers.at(one.first);
    measured.push_back({std::move(one), layer});
  }
  if (measured.empty())
    throw Error(Kind::kBadInput,
                fmt::format("{} and {} have no tensor in common: they are two different networks",
                            quoted(compared.first.path), quoted(compared.second.path)));
  return measured;
}

Json rows_of(const std::vector<MeasuredTensor>& tensors) {
  Json rows = Json::array();
  for (const auto& one : tensors) rows.push_back(tensor_row(one.difference, *one.layer));
  return rows;
}

// Those that are not the same, worst first.
std::vector<MeasuredTensor> worst_of(std::vector<MeasuredTensor> tensors) {
  constexpr std::size_t kShown = 5;
  std::erase_if(tensors, [](const MeasuredTensor& one) { return one.difference.snr_db >= kSameTensorDb; });
  std::stable_sort(tensors.begin(), tensors.end(), [](const MeasuredTensor& a, const MeasuredTensor& b) {
    return a.difference.snr_db < b.difference.snr_db;
  });
  tensors.resize(std::min(tensors.size(), kShown), MeasuredTensor{});
  return tensors;
}

std::string result_on_image(const std::vector<MeasuredTensor>& tensors) {
  const auto part = std::find_if(tensors.begin(), tensors.end(),
                                 [](const auto& one) { return one.difference.snr_db < kSameTensorDb; });
  if (part != tensors.end())
    return fmt::format("the models part at layer '{}' ({}), tensor '{}'", escaped(part->layer->name),
                       escaped(part->layer->op), escaped(part->difference.first));
  const auto& worst = *std::min_element(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
    return a.difference.snr_db < b.difference.snr_db;
  });
  if (worst.difference.max_abs == 0) return fmt::format("equal: all {} tensors are the same", tensors.size());
  return fmt::format("equal but for rounding: the worst of {} tensors, '{}', has {:.1f} dB", tensors.size(),
                     escaped(worst.difference.first), worst.difference.snr_db);
}

std::string result_of_structure(const Comparison& compared) {
  std::size_t different = compared.only_first.size() + compared.only_second.size();
  bool rounded = false;
  for (const auto& layer : compared.layers) {
    const bool weights = std::any_of(layer.weights.begin(), layer.weights.end(), beyond_rounding);
    different += weights || !layer.differences.empty() ? 1U : 0U;
    for (const auto& weight : layer.weights) rounded = rounded || weight.max_abs > 0;
  }
  if (different > 0)
    return fmt::format("{} of {} layers differ", different,
                       compared.layers.size() + compared.only_first.size() + compared.only_second.size());
  return rounded ? "equal but for the rounding of weights" : "equal";
}

void add_notes(const Comparison& compared, Json& document) {
  Json notes = Json::array();
  for (const auto* one : {&compared.first, &compared.second})
    if (const auto faults = find_padding_faults(one->model); !faults.empty())
      notes.push_back(fmt::format(
          "{} has the padding fault of NVIDIA's default export route, in {} layers: it does not compute what "
          "was trained",
          quoted(one->path), faults.size()));
  if (!notes.empty()) document["notes"] = std::move(notes);
}

void add_structure(const Comparison& compared, Json& document) {
  document["inputs"] = {{"first", inputs_of(compared.graph)}, {"second", inputs_of(compared.other)}};
  document["outputs"] = {{"first", outputs_of(compared.graph)}, {"second", outputs_of(compared.other)}};
  document["layers_in_both"] = compared.layers.size();
  document["weights"] = weight_counts(compared);
  const auto add = [&](const char* key, Json rows) {
    if (!rows.empty()) document[key] = std::move(rows);
  };
  add("different_weights", weight_rows(compared));
  add("different_attributes", attribute_rows(compared));
  add("only_in_first", compared.only_first);
  add("only_in_second", compared.only_second);
}

void add_numbers(const CompareModelsOptions& options, const CommonInput& input,
                 const std::vector<MeasuredTensor>& tensors, Json& document) {
  document["image"] = options.image->string();
  document["input"] = fmt::format("{}x{}x{}", input.channels, input.height, input.width);
  document["preprocessing"] = input.prepared;
  document["same_from_db"] = kSameTensorDb;
  for (const auto& one : tensors)
    if (one.difference.snr_db < kSameTensorDb) {
      Json row = tensor_row(one.difference, *one.layer);
      row["because"] = reasons(*one.layer);
      document["first_difference"] = std::move(row);
      break;
    }
  if (auto worst = worst_of(tensors); !worst.empty()) document["worst"] = rows_of(worst);
}

}  // namespace

Json compare_models(const CompareModelsOptions& options, Log& log, Progress& progress) {
  const ComparedModelOptions how{.key = options.key, .spec = options.spec};
  const ComparedModel first = read_compared_model(options.first, how, log),
                      second = read_compared_model(options.second, how, log);
  const Comparison compared =
      within([&] { return fmt::format("{} or {}", quoted(options.first), quoted(options.second)); },
             [&] { return Comparison(first, second); });
  Json document{{"version", 1},
                {"first", options.first.string()},
                {"second", options.second.string()},
                {"kind", "two models"},
                {"result", result_of_structure(compared)}};
  if (!options.image) {
    add_notes(compared, document);
    add_structure(compared, document);
    return document;
  }
  const CommonInput input = common_input(first, second, *options.image);
  const auto tensors = measure(compared, input, options.threads, progress);
  document["result"] = result_on_image(tensors);
  add_notes(compared, document);
  add_numbers(options, input, tensors, document);
  add_structure(compared, document);
  document["layers"] = rows_of(tensors);
  return document;
}

}  // namespace etalon
