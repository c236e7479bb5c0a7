#include "etalon/networks/detectnet_v2/detectnet_v2.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "etalon/base/error.hpp"
#include "etalon/networks/detectnet_v2/spec_facts.hpp"
#include "etalon/networks/keras_layers/lower_keras_graph.hpp"
#include "etalon/networks/keras_layers/quantized_layers.hpp"
#include "etalon/networks/metadata.hpp"
#include "etalon/networks/trained_quantization.hpp"
#include "etalon/onnx/passes.hpp"

namespace etalon {
namespace {

constexpr std::string_view kCoverageLayer = "output_cov";
constexpr std::string_view kBoxesLayer = "output_bbox";
constexpr std::int64_t kNumbersPerBox = 4;  // left, top, right, bottom

[[noreturn]] void refuse_network(const std::string& found) {
  throw Error(Kind::kBadInput, "this is not a DetectNet_v2 model: " + found,
              "a DetectNet_v2 has one image input and the outputs output_cov and output_bbox");
}

// Positions of the coverage and the box output among the model's outputs.
std::pair<int, int> find_outputs(const KerasGraph& model) {
  int coverage = -1, boxes = -1;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < model.outputs.size(); ++i) {
    const auto& layer = model.outputs[i].layer;
    if (layer == kCoverageLayer) coverage = static_cast<int>(i);
    if (layer == kBoxesLayer) boxes = static_cast<int>(i);
    names.push_back(escaped(layer));
  }
  if (model.outputs.size() != 2 || coverage < 0 || boxes < 0)
    refuse_network(names.size() > 8
                       ? fmt::format("it has {} outputs", names.size())
                       : fmt::format("its outputs are {}",
                                     names.empty() ? "none" : fmt::format("'{}'", fmt::join(names, "', '"))));
  return {coverage, boxes};
}

// Channels, height, width; every size is static, lower_keras_graph sees to that.
std::array<std::int64_t, 3> image_sizes(const ValueInfoProto& value, std::string_view what) {
  const auto shape = shape_of(value);
  if (!shape || shape->size() != 4)
    refuse_network(fmt::format("its {} '{}' has {} dimensions, expected 4", what, escaped(value.name()),
                               shape ? shape->size() : 0));
  return {(*shape)[1].value_or(0), (*shape)[2].value_or(0), (*shape)[3].value_or(0)};
}

void take_input(Deployable& net) {
  const auto inputs = data_inputs(net.model.graph());
  if (inputs.size() != 1) refuse_network(fmt::format("it has {} inputs", inputs.size()));
  net.input = inputs.front()->name();
  const auto [channels, height, width] = image_sizes(*inputs.front(), "input");
  if (channels != 1 && channels != 3)
    refuse_network(fmt::format("its input has the shape [N, {}, {}, {}], expected 1 or 3 channels first",
                               channels, height, width));
  net.channels = channels;
  net.height = height;
  net.width = width;
  net.preprocessing = Preprocessing{};  // RGB, mean 0, 1/255, NCHW
  if (channels == 1) net.preprocessing.order = ChannelOrder::kGrey;
}

void take_outputs(Deployable& net, int coverage, int boxes) {
  auto* outputs = net.model.mutable_graph()->mutable_output();
  if (boxes < coverage) outputs->SwapElements(0, 1);
  const auto cov = image_sizes(outputs->Get(0), "output"), bbox = image_sizes(outputs->Get(1), "output");
  if (bbox[0] != kNumbersPerBox * cov[0] || bbox[1] != cov[1] || bbox[2] != cov[2])
    refuse_network(fmt::format(
        "{} has the shape [N, {}], {} [N, {}], expected 4 boxes' numbers a class on the same grid",
        kCoverageLayer, fmt::join(cov, ", "), kBoxesLayer, fmt::join(bbox, ", ")));
  net.class_count = cov[0];
  net.outputs = {{outputs->Get(0).name(), OutputRole::kCoverage},
                 {outputs->Get(1).name(), OutputRole::kBoxes}};
}

}  // namespace

void take_spec_facts(Deployable& net, const detectnet_v2::Experiment& experiment) {
  net.labels = target_class_names(experiment);
  if (static_cast<std::int64_t>(net.labels.size()) != net.class_count) {
    std::vector<std::string> shown;
    for (const auto& label : net.labels) shown.push_back(escaped(label, 40));
    if (shown.size() > 12) {
      shown.resize(12);
      shown.emplace_back("...");
    }
    throw Error(Kind::kBadInput,
                fmt::format("the spec names {} target classes ({}), the model detects {}", net.labels.size(),
                            fmt::join(shown, ", "), net.class_count),
                "use the spec that the model was trained with");
  }
  net.clustering = clustering_of(experiment, net.labels);
  net.box_code = box_code_of(experiment);
}

Deployable deployable_from_keras(KerasModel&& model, const DetectnetV2Spec* spec,
                                 const DetectnetV2Options& options) {
  if (options.static_batch_size && (*options.static_batch_size < 1 || *options.static_batch_size > 1 << 16))
    throw Error(Kind::kWrongUsage, fmt::format("the static batch size is {}, expected 1 to {}",
                                               *options.static_batch_size, 1 << 16));
  const auto [coverage, boxes] = find_outputs(model);
  Deployable net;
  net.network = "detectnet_v2";
  net.parameter_count = model.parameter_count - scaling_factor_count(model);
  LoweredKeras lowered =
      lower_keras_graph(std::move(model), {.static_batch_size = options.static_batch_size});
  net.model = std::move(lowered.model);
  take_input(net);
  take_outputs(net, coverage, boxes);
  if (spec) take_spec_facts(net, spec->experiment);

  const SameValues same_values(net.model.graph());
  run_passes(net.model, deploy_passes());
  if (lowered.quantization_aware)
    net.trained = take_trained_quantization(lowered.ranges, same_values, net.model);
  infer_shapes(net.model);
  if (options.tensor_names == TensorNames::kTensorflow) use_tensorflow_names(net);
  write_metadata(net);
  return net;
}

}  // namespace etalon
