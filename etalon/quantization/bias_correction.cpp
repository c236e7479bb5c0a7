#include "etalon/quantization/bias_correction.hpp"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "etalon/base/error.hpp"
#include "etalon/onnx/fresh_names.hpp"
#include "etalon/onnx/graph_index.hpp"
#include "etalon/quantization/floating_form.hpp"
#include "etalon/quantization/image_sample.hpp"
#include "etalon/quantization/side_by_side.hpp"
#include "etalon/runtime/session.hpp"

namespace etalon {
namespace {

// Of a layer that can have a bias, and whose channels are axis 1 of its output; 0 for others.
std::int64_t output_rank(const NodeProto& node, const GraphIndex& index) {
  const bool convolution = node.op_type() == "Conv" || node.op_type() == "ConvTranspose";
  if (!convolution && node.op_type() != "Gemm") return 0;
  if (node.input_size() < 2 || !index.initializer(node.input(1))) return 0;
  return convolution ? static_cast<std::int64_t>(index.shape(node.input(1))->size()) : 2;
}

std::vector<std::int64_t> axes_but_channels(std::int64_t rank) {
  std::vector<std::int64_t> axes{0};
  for (std::int64_t axis = 2; axis < rank; ++axis) axes.push_back(axis);
  return axes;
}

void check_finite(const std::vector<float>& shift, const std::string& layer, const std::string& image) {
  for (const float value : shift)
    if (!std::isfinite(value))
      throw Error(Kind::kBadInput,
                  fmt::format("correcting the bias of layer '{}' by {} on image '{}'", escaped(layer), value,
                              escaped(image)),
                  "the network overflows on this image: check the model's weights, the preprocessing and the "
                  "ranges");
}

void set_floats(TensorProto& tensor, const std::string& name, const std::vector<float>& values) {
  tensor.Clear();
  tensor.set_name(name);
  tensor.set_data_type(TensorProto::FLOAT);
  tensor.add_dims(static_cast<std::int64_t>(values.size()));
  tensor.mutable_raw_data()->assign(reinterpret_cast<const char*>(values.data()),
                                    values.size() * sizeof(float));
}

}  // namespace

BiasShifts measure_bias_shifts(const ModelProto& exact, const ModelProto& quantized,
                               const std::vector<std::string>& layers, const CalibrationImages& images,
                               const BiasCorrectionOptions& options, Progress& progress) {
  SideBySide both(exact, floating_form(quantized));
  const GraphIndex index(exact.graph());
  std::map<std::string, std::string> measured;  // the tensor with a layer's shifts -> layer
  for (const std::string& layer : std::set<std::string>(layers.begin(), layers.end())) {
    const auto producer = index.producer(layer);
    if (!producer || !both.both_have(layer))
      throw Error(
          Kind::kBadInput,
          fmt::format("layer '{}' is not in both the exact and the quantised network", escaped(layer)));
    const std::int64_t rank = output_rank(exact.graph().node(*producer), index);
    if (rank < 2) continue;
    const std::vector<std::int64_t> axes = axes_but_channels(rank);
    const std::string aside = both.move_aside(layer);
    const std::string shift = both.add("Sub",
                                       {both.mean(both.exact(layer), axes, layer + "/exact_mean"),
                                        both.mean(aside, axes, layer + "/quantized_mean")},
                                       layer + "/shift");
    both.replace(layer, "Add", {aside, shift});
    both.output(shift);
    measured[shift] = layer;
  }
  if (measured.empty()) return {};

  const std::vector<std::size_t> sample = image_sample(images, options.most_images);
  if (images.begin) images.begin(0);
  Session session(std::move(both).model(), {.threads = options.threads, .input_dims = options.input_dims});
  std::map<std::string, std::vector<double>> sums;
  progress.begin("correcting biases", sample.size());
  session.run_all(
      sample.size(), [&](std::size_t i, std::span<float> input) { images.load(sample[i], input); },
      [&](std::size_t i, const Outputs& outputs) {
        for (const auto& [name, shift] : outputs) {
          const std::string& layer = measured.at(name);
          check_finite(shift.values, layer, images.names[sample[i]]);
          std::vector<double>& sum = sums[layer];
          sum.resize(shift.values.size());
          for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += shift.values[c];
        }
      },
      progress);
  progress.end();

  BiasShifts shifts;
  for (const auto& [layer, sum] : sums)
    for (const double value : sum)
      shifts[layer].push_back(static_cast<float>(value / static_cast<double>(sample.size())));
  return shifts;
}

void apply_bias_shifts(ModelProto& model, const BiasShifts& shifts) {
  GraphProto& graph = *model.mutable_graph();
  const GraphIndex index(graph);
  FreshNames names(graph);
  for (const auto& [layer, shift] : shifts) {
    const auto producer = index.producer(layer);
    if (!producer) continue;
    NodeProto& node = *graph.mutable_node(*producer);
    within([&] { return fmt::format("layer '{}'", escaped(layer)); },
           [&] {
             if (node.op_type() != "Conv" && node.op_type() != "ConvTranspose" && node.op_type() != "Gemm")
               throw Error(Kind::kUnsupported,
                           fmt::format("a {} has no bias to correct", escaped(node.op_type())));
             if (node.input_size() < 2) throw Error(Kind::kBadInput, "it has no weights");
             // Gemm scales its bias.
             const float beta = node.op_type() == "Gemm" ? float_attribute(node, "beta", 1.0F) : 1.0F;
             std::vector<float> bias(shift.size(), 0.0F);
             std::string name;
             TensorProto* own = nullptr;
             if (node.input_size() > 2 && !node.input(2).empty()) {
               name = node.input(2);
               const auto position = index.initializer(name);
               if (!position)
                 throw Error(Kind::kUnsupported, fmt::format("its bias '{}' is computed", escaped(name)));
               TensorProto& tensor = *graph.mutable_initializer(*position);
               if (tensor.data_type() != TensorProto::FLOAT)
                 throw Error(Kind::kUnsupported, fmt::format("its bias '{}' is not float32", escaped(name)));
               std::vector<float> values = float_values(tensor);
               if (values.size() == 1)
                 values.assign(shift.size(), values.front());  // Gemm's may be broadcast
               if (values.size() != shift.size())
                 throw Error(Kind::kBadInput, fmt::format("its bias '{}' has {} numbers, expected {}",
                                                          escaped(name), values.size(), shift.size()));
               bias = std::move(values);
               if (index.users(name).size() == 1 && !index.is_graph_output(name)) own = &tensor;
             }
             for (std::size_t c = 0; c < bias.size(); ++c) bias[c] = beta * bias[c] + shift[c];
             if (own == nullptr) {
               own = graph.add_initializer();
               name = names.take(layer + "/corrected_bias");
             }
             set_floats(*own, name, bias);
             while (node.input_size() < 3) node.add_input("");
             node.set_input(2, name);
             if (beta != 1.0F)
               for (AttributeProto& attribute : *node.mutable_attribute())
                 if (attribute.name() == "beta") attribute.set_f(1.0F);
           });
  }
}

}  // namespace etalon
