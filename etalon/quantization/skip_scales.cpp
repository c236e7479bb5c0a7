#include "etalon/quantization/skip_scales.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/calibration/scale_sources.hpp"
#include "etalon/onnx/fresh_names.hpp"
#include "etalon/onnx/graph_index.hpp"
#include "etalon/onnx/hoist_constants.hpp"
#include "etalon/quantization/explicit_int8.hpp"
#include "etalon/quantization/image_sample.hpp"
#include "etalon/runtime/session.hpp"

namespace etalon {
namespace {

// Factors on the scale that is there, 2^(k/8): a ninth more or less changes the error by less than 0.1 dB.
constexpr int kSmallestEighth = -8, kLargestEighth = 4;
constexpr std::size_t kCandidates = kLargestEighth - kSmallestEighth + 1;

float candidate(std::size_t k) {
  return static_cast<float>(std::exp2((static_cast<int>(k) + kSmallestEighth) / 8.0));
}

// Operators between a sum and the next layer that may take an error away.
constexpr std::array<std::string_view, 3> kActivations{"Relu", "LeakyRelu", "Clip"};

struct Skip {
  std::string tensor;
  std::string other;  // the addend that is not rounded
  std::string sum;
  float scale;
};

std::vector<Skip> skips_of(const ModelProto& model, const std::map<std::string, float>& scales) {
  std::map<std::string, int> sharing;  // tensors that have their scale from this one
  for (const auto& [tensor, source] : scale_sources(model)) ++sharing[source];

  const ModelProto quantized = make_explicit_int8(model, {.scales = scales}).model;
  const GraphProto& graph = quantized.graph();
  const GraphIndex index(graph);
  const auto made_by = [&](const std::string& tensor, std::string_view op) -> const NodeProto* {
    const auto maker = index.producer(tensor);
    return maker && graph.node(*maker).op_type() == op ? &graph.node(*maker) : nullptr;
  };
  std::vector<Skip> skips;
  for (const NodeProto& node : graph.node()) {
    if (node.op_type() != "Add" || node.input_size() != 2) continue;
    for (const int k : {0, 1}) {
      const NodeProto* dequantize = made_by(node.input(k), "DequantizeLinear");
      const NodeProto* quantize = dequantize ? made_by(dequantize->input(0), "QuantizeLinear") : nullptr;
      if (!quantize || index.users(node.input(k)).size() != 1) continue;
      const std::string& tensor = quantize->input(0);
      const auto scale = scales.find(tensor);
      const auto shared = sharing.find(tensor);
      if (scale == scales.end() || shared == sharing.end() || shared->second != 1) continue;
      skips.push_back({tensor, node.input(1 - k), node.output(0), scale->second});
    }
  }
  return skips;
}

// The float network, which for every skip and candidate also gives the mean square of what is left of the
// rounding.
class Measuring {
 public:
  Measuring(const ModelProto& model, const std::vector<Skip>& skips) : model_(model), names_(model.graph()) {
    hoist_constants(model_);
    GraphProto& graph = *model_.mutable_graph();
    graph.clear_output();
    graph.clear_value_info();
    lowest_ = number("int8/lowest", -128);
    highest_ = number("int8/highest", 127);
    const ModelProto before = model_;
    const GraphIndex index(before.graph());
    for (std::size_t i = 0; i < skips.size(); ++i) {
      const Skip& skip = skips[i];
      const NodeProto* activation = nullptr;
      if (const auto users = index.users(skip.sum); users.size() == 1) {
        const NodeProto& user = before.graph().node(users[0]);
        if (std::ranges::count(kActivations, user.op_type()) != 0 && user.input(0) == skip.sum)
          activation = &user;
      }
      for (std::size_t k = 0; k < kCandidates; ++k) {
        const std::string stem = fmt::format("{}/rounded_{}", skip.tensor, k);
        const std::string step = number(stem + "/step", skip.scale * candidate(k));
        std::string out = add("Div", {skip.tensor, step}, stem);
        out = add("Clip", {add("Round", {out}, stem), lowest_, highest_}, stem);
        out = add("Add", {add("Mul", {out, step}, stem), skip.other}, stem);
        if (activation) {
          NodeProto& node = *graph.add_node();
          node = *activation;
          node.set_input(0, out);
          out = names_.take(stem);
          node.set_name(out);
          node.set_output(0, out);
        }
        out = add("Sub", {out, activation ? activation->output(0) : skip.sum}, stem);
        out = add("ReduceMean", {add("Mul", {out, out}, stem)}, stem);
        ValueInfoProto& value = *graph.add_output();
        value.set_name(out);
        value.mutable_type()->mutable_tensor_type()->set_elem_type(TensorProto::FLOAT);
        places_[out] = {i, k};
      }
    }
  }

  const ModelProto& model() const { return model_; }
  // Which skip and candidate an output is of.
  std::pair<std::size_t, std::size_t> place(const std::string& output) const { return places_.at(output); }

 private:
  std::string number(const std::string& name, float value) {
    TensorProto& tensor = *model_.mutable_graph()->add_initializer();
    tensor.set_name(names_.take(name));
    tensor.set_data_type(TensorProto::FLOAT);
    tensor.add_float_data(value);
    return tensor.name();
  }

  std::string add(const char* op, std::initializer_list<std::string> inputs, const std::string& output) {
    NodeProto& node = *model_.mutable_graph()->add_node();
    node.set_op_type(op);
    for (const auto& input : inputs) node.add_input(input);
    node.add_output(names_.take(output));
    node.set_name(node.output(0));
    return node.output(0);
  }

  ModelProto model_;
  FreshNames names_;
  std::string lowest_, highest_;
  std::map<std::string, std::pair<std::size_t, std::size_t>> places_;
};

}  // namespace

std::vector<std::string> skip_tensors(const ModelProto& model, const std::map<std::string, float>& scales) {
  std::vector<std::string> tensors;
  for (const Skip& skip : skips_of(model, scales)) tensors.push_back(skip.tensor);
  return tensors;
}

std::map<std::string, float> choose_skip_scales(const ModelProto& model,
                                                const std::map<std::string, float>& scales,
                                                const CalibrationImages& images,
                                                const SkipScaleOptions& options, Progress& progress) {
  const std::vector<Skip> skips = skips_of(model, scales);
  if (skips.empty()) return {};
  const Measuring measuring(model, skips);
  const std::vector<std::size_t> sample = image_sample(images, options.most_images);
  if (images.begin) images.begin(0);
  Session session(measuring.model(), {.threads = options.threads, .input_dims = options.input_dims});
  std::vector<std::array<double, kCandidates>> errors(skips.size());
  progress.begin("choosing scales of residual sums", sample.size());
  session.run_all(
      sample.size(), [&](std::size_t i, std::span<float> input) { images.load(sample[i], input); },
      [&](std::size_t i, const Outputs& outputs) {
        for (const auto& [name, error] : outputs) {
          const auto [skip, k] = measuring.place(name);
          const float value = error.values.at(0);
          if (!std::isfinite(value))
            throw Error(Kind::kBadInput,
                        fmt::format("the rounding error of tensor '{}' is not finite on image '{}'",
                                    escaped(skips[skip].tensor), escaped(images.names[sample[i]])));
          errors[skip][k] += value;
        }
      },
      progress);
  progress.end();

  std::map<std::string, float> chosen;
  for (std::size_t i = 0; i < skips.size(); ++i) {
    std::size_t best = -kSmallestEighth;  // as it is, where nothing is better
    for (std::size_t k = 0; k < kCandidates; ++k)
      if (errors[i][k] < errors[i][best]) best = k;
    chosen[skips[i].tensor] = skips[i].scale * candidate(best);
  }
  return chosen;
}

}  // namespace etalon
