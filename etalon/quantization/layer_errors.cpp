#include "etalon/quantization/layer_errors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "etalon/base/error.hpp"
#include "etalon/onnx/graph_index.hpp"
#include "etalon/quantization/floating_form.hpp"
#include "etalon/quantization/image_sample.hpp"
#include "etalon/quantization/side_by_side.hpp"
#include "etalon/runtime/session.hpp"

namespace etalon {
namespace {

// Mean squares of one comparison: tensors that the network gives, one number an image.
struct Compared {
  std::string signal, noise;
};

Compared compare(SideBySide& both, const std::string& exact, const std::string& approximate,
                 const std::string& name) {
  Compared compared;
  compared.signal = both.squares_mean(exact, name + "/signal");
  compared.noise =
      both.squares_mean(both.add("Sub", {exact, approximate}, name + "/difference"), name + "/noise");
  both.output(compared.signal);
  both.output(compared.noise);
  return compared;
}

double decibel(double signal, double noise) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (!std::isfinite(signal) || !std::isfinite(noise)) return -kInfinity;
  if (noise == 0) return kInfinity;
  return 10.0 * std::log10(signal / noise);
}

}  // namespace

QuantizationErrors measure_layer_errors(const ModelProto& exact, const ModelProto& quantized,
                                        const std::vector<std::string>& layers,
                                        const CalibrationImages& images, const LayerErrorOptions& options,
                                        Progress& progress) {
  SideBySide both(exact, floating_form(quantized));
  const GraphIndex index(exact.graph());
  struct Layer {
    std::string name, op;
    Compared own, total;
  };
  std::vector<Layer> measured;
  for (const std::string& name : layers) {
    const auto producer = index.producer(name);
    if (!producer || !both.both_have(name))
      throw Error(
          Kind::kBadInput,
          fmt::format("layer '{}' is not in both the exact and the quantised network", escaped(name)));
    measured.push_back({name, exact.graph().node(*producer).op_type(),
                        compare(both, both.exact(name), both.layer_alone(name), name + "/own"),
                        compare(both, both.exact(name), name, name + "/total")});
  }
  std::map<std::string, Compared> outputs;
  for (const auto& output : exact.graph().output()) {
    const std::string& name = output.name();
    if (!both.both_have(name))
      throw Error(Kind::kBadInput, fmt::format("output '{}' is not in both networks", escaped(name)));
    // Indices and the like are integers.
    const auto as_float = [&](const std::string& tensor) {
      return both.cast_to_float(tensor, name + "/float");
    };
    outputs[name] = compare(both, as_float(both.exact(name)), as_float(name), name + "/output");
  }

  const std::vector<std::size_t> sample = image_sample(images, options.most_images);
  if (images.begin) images.begin(0);
  Session session(std::move(both).model(), {.threads = options.threads, .input_dims = options.input_dims});
  std::unordered_map<std::string, double> sums;
  progress.begin("measuring the error of each layer", sample.size());
  session.run_all(
      sample.size(), [&](std::size_t i, std::span<float> input) { images.load(sample[i], input); },
      [&](std::size_t, const Outputs& means) {
        for (const auto& [name, mean] : means) sums[name] += mean.values.at(0);
      },
      progress);
  progress.end();

  const auto result = [&](const Compared& compared) {
    return decibel(sums.at(compared.signal), sums.at(compared.noise));
  };
  QuantizationErrors errors;
  for (const Layer& layer : measured)
    errors.layers.push_back({layer.name, layer.op, result(layer.own), result(layer.total)});
  std::ranges::stable_sort(errors.layers, {}, &LayerError::own_db);
  for (const auto& [name, compared] : outputs) errors.outputs[name] = result(compared);
  return errors;
}

}  // namespace etalon
