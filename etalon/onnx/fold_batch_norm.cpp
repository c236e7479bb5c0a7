#include "etalon/onnx/fold_batch_norm.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <unordered_map>

#include "etalon/base/error.hpp"
#include "etalon/onnx/graph_index.hpp"
#include "etalon/onnx/prune.hpp"
#include "etalon/onnx/weight_steps.hpp"

namespace etalon {
namespace {

// y = factor[c] * x + offset[c]
struct ChannelScaling {
  std::vector<double> factor, offset;
};

// How the output channels lie in a weight: `outer` blocks, each with `channels` runs of `inner` numbers. The
// channel of run r in block o is (o / blocks_per_group) * channels + r.
struct WeightLayout {
  std::int64_t outer = 1, channels = 1, inner = 1, blocks_per_group = 1;
  std::int64_t output_channels() const { return outer / blocks_per_group * channels; }
};

class BatchNormFolder {
 public:
  explicit BatchNormFolder(GraphProto& graph)
      : graph_(graph), index_(graph), dead_(static_cast<std::size_t>(graph.node_size()), false) {}

  void run() {
    std::vector<int> kept;
    const int count = graph_.node_size();
    for (int i = 0; i < count; ++i) {
      if (graph_.node(i).op_type() != "BatchNormalization" || !graph_.node(i).domain().empty()) continue;
      within([&] { return fmt::format("batch norm '{}'", escaped(graph_.node(i).name())); },
             [&] {
               if (const auto scaling = scaling_of(graph_.node(i)))
                 if (!fold(i, *scaling)) kept.push_back(i);
             });
    }
    split(kept);
    prune(graph_, dead_);
  }

 private:
  // A constant that nothing can override at run time, of type float32, or nullptr.
  const TensorProto* constant(const std::string& name) const {
    const auto at = index_.initializer(name);
    if (!at || index_.is_graph_input(name) || index_.is_graph_output(name)) return nullptr;
    const auto& tensor = graph_.initializer(*at);
    return tensor.data_type() == TensorProto::FLOAT ? &tensor : nullptr;
  }

  // nullopt: trains, or its numbers are no constants; it stays as it is.
  std::optional<ChannelScaling> scaling_of(const NodeProto& node) const {
    if (node.input_size() != 5 || int_attribute(node, "training_mode", 0) != 0) return std::nullopt;
    for (int i = 1; i < node.output_size(); ++i)
      if (!node.output(i).empty()) return std::nullopt;
    std::vector<std::vector<float>> parameters;
    for (int i = 1; i < 5; ++i) {
      const auto* tensor = constant(node.input(i));
      if (!tensor) return std::nullopt;
      parameters.push_back(float_values(*tensor));
      if (parameters.back().size() != parameters.front().size())
        throw Error(Kind::kBadInput,
                    fmt::format("has {} scales but {} values in '{}'", parameters.front().size(),
                                parameters.back().size(), escaped(tensor->name())));
    }
    // 0.001 as a float32: training computed with that too.
    const double epsilon = float_attribute(node, "epsilon", 1e-5F);
    ChannelScaling scaling;
    for (std::size_t c = 0; c < parameters[0].size(); ++c) {
      const double spread = parameters[3][c] + epsilon;
      if (!(spread > 0))
        throw Error(Kind::kBadInput,
                    fmt::format("channel {} has the variance {}, expected one that is not negative", c,
                                parameters[3][c]));
      const double factor = parameters[0][c] / std::sqrt(spread);
      scaling.factor.push_back(factor);
      scaling.offset.push_back(parameters[1][c] - parameters[2][c] * factor);
    }
    return scaling;
  }

  static std::optional<WeightLayout> layout_of(const NodeProto& node, const TensorProto& weight) {
    const auto dim = [&](int i) { return weight.dims(i); };
    std::int64_t inner = 1;
    for (int i = 2; i < weight.dims_size(); ++i) inner *= dim(i);
    if (node.op_type() == "Conv" && weight.dims_size() >= 3)
      return WeightLayout{1, dim(0), dim(1) * inner, 1};
    if (node.op_type() == "ConvTranspose" && weight.dims_size() >= 3) {
      const std::int64_t groups = int_attribute(node, "group", 1);
      if (groups < 1 || dim(0) < groups || dim(0) % groups != 0) return std::nullopt;
      return WeightLayout{dim(0), dim(1), inner, dim(0) / groups};
    }
    if (node.op_type() == "Gemm" && weight.dims_size() == 2 && float_attribute(node, "alpha", 1) == 1 &&
        float_attribute(node, "beta", 1) == 1)
      return int_attribute(node, "transB", 0) != 0 ? WeightLayout{1, dim(0), dim(1), 1}
                                                   : WeightLayout{dim(0), dim(1), 1, dim(0)};
    return std::nullopt;
  }

  // False: it must not fire.
  bool fold(int batch_norm, const ChannelScaling& scaling) {
    const std::string x = graph_.node(batch_norm).input(0), y = graph_.node(batch_norm).output(0);
    const auto producer = producer_of(x);
    if (!producer || index_.users(x).size() != 1 || index_.is_graph_output(x)) return false;
    auto& node = *graph_.mutable_node(*producer);
    if (!node.domain().empty() || node.input_size() < 2 || node.output_size() != 1) return false;
    const auto* weight = constant(node.input(1));
    if (!weight) return false;
    const auto layout = layout_of(node, *weight);
    if (!layout) return false;
    const auto channels = static_cast<std::size_t>(layout->output_channels());
    const bool has_bias = node.input_size() > 2 && !node.input(2).empty();
    const auto* bias = has_bias ? constant(node.input(2)) : nullptr;
    if (has_bias && (!bias || element_count(*bias) != channels)) return false;
    if (channels != scaling.factor.size())
      throw Error(Kind::kBadInput, fmt::format("has {} scales, '{}' before it has {} output channels",
                                               scaling.factor.size(), escaped(node.name()), channels));

    std::vector<float> shifted(channels);
    const auto biases = bias ? float_values(*bias) : std::vector<float>(channels, 0.0F);
    for (std::size_t c = 0; c < channels; ++c)
      shifted[c] = rounded(biases[c] * scaling.factor[c] + scaling.offset[c], "bias");
    const std::string bias_name = bias && sole_user(bias->name()) ? bias->name() + "/folded" : y + "/bias";
    auto& folded_bias = new_initializer(bias_name);
    folded_bias.add_dims(static_cast<std::int64_t>(channels));
    folded_bias.set_raw_data(std::string(as_text(std::as_bytes(std::span(shifted)))));
    scale_weight(node, y, *layout, scaling);
    if (has_bias)
      node.set_input(2, bias_name);
    else if (node.input_size() > 2)
      node.set_input(2, bias_name);
    else
      node.add_input(bias_name);

    node.set_output(0, y);
    node.set_name(y);
    dead_[static_cast<std::size_t>(batch_norm)] = true;
    folded_into_[y] = *producer;
    return true;
  }

  void scale_weight(NodeProto& node, const std::string& y, const WeightLayout& layout,
                    const ChannelScaling& scaling) {
    const std::string name = node.input(1);
    auto* weight = graph_.mutable_initializer(*index_.initializer(name));
    if (sole_user(name)) {  // in place: a weight is stored once
      weight->set_name(checked_new(name + "/folded"));
    } else {
      const int from = *index_.initializer(name);
      auto& copy = new_initializer(y + "/kernel");
      copy = graph_.initializer(from);
      copy.set_name(y + "/kernel");
      weight = &copy;
    }
    node.set_input(1, weight->name());
    scale_weight_steps(graph_, name, weight->name(), scaling.factor, weight->name() == y + "/kernel");
    if (!weight->has_raw_data()) {
      const auto values = float_values(*weight);
      weight->clear_float_data();
      weight->set_raw_data(std::string(as_text(std::as_bytes(std::span(values)))));
    }
    std::string& raw = *weight->mutable_raw_data();
    const auto numbers = static_cast<std::uint64_t>(layout.outer * layout.channels * layout.inner);
    if (element_count(*weight) != numbers || raw.size() != numbers * sizeof(float))
      throw Error(Kind::kBadInput, fmt::format("weight '{}' holds {} bytes, its shape needs {}",
                                               escaped(name), raw.size(), numbers * sizeof(float)));
    std::size_t at = 0;
    for (std::int64_t block = 0; block < layout.outer; ++block)
      for (std::int64_t run = 0; run < layout.channels; ++run) {
        const double factor =
            scaling.factor[static_cast<std::size_t>(block / layout.blocks_per_group * layout.channels + run)];
        bool finite = true;
        for (std::int64_t i = 0; i < layout.inner; ++i, at += sizeof(float)) {
          float value;
          std::memcpy(&value, raw.data() + at, sizeof(float));
          value = static_cast<float>(value * factor);
          finite &= std::isfinite(value);
          std::memcpy(raw.data() + at, &value, sizeof(float));
        }
        if (!finite) refuse_infinite("kernel");
      }
  }

  [[noreturn]] static void refuse_infinite(std::string_view what) {
    throw Error(Kind::kBadInput,
                fmt::format("its numbers make the {} of the layer before it infinite", what));
  }
  static float rounded(double value, std::string_view what) {
    const auto narrow = static_cast<float>(value);
    if (!std::isfinite(narrow)) refuse_infinite(what);
    return narrow;
  }

  std::optional<int> producer_of(const std::string& tensor) const {
    if (const auto merged = folded_into_.find(tensor); merged != folded_into_.end()) return merged->second;
    return index_.producer(tensor);
  }
  bool sole_user(const std::string& initializer) const { return index_.users(initializer).size() == 1; }

  std::string checked_new(std::string name) const {
    if (index_.knows(name))
      throw Error(Kind::kBadInput, fmt::format("the name '{}' is taken", escaped(name)));
    return name;
  }
  TensorProto& new_initializer(const std::string& name) {
    auto& tensor = *graph_.add_initializer();
    tensor.set_name(checked_new(name));
    tensor.set_data_type(TensorProto::FLOAT);
    return tensor;
  }

  // Batch norms that cannot be merged: Mul and Add with constants that broadcast over the input's rank.
  void split(const std::vector<int>& batch_norms) {
    google::protobuf::RepeatedPtrField<NodeProto> nodes;
    std::vector<bool> dead;
    std::size_t next = 0;
    for (int i = 0; i < graph_.node_size(); ++i) {
      auto& node = *graph_.mutable_node(i);
      const bool chosen = next < batch_norms.size() && batch_norms[next] == i;
      if (chosen) ++next;
      const auto& shape = index_.shape(node.input_size() > 0 ? node.input(0) : std::string());
      if (!chosen || !shape || shape->size() < 2) {  // unknown rank: it stays a batch norm
        nodes.Add()->Swap(&node);
        dead.push_back(dead_[static_cast<std::size_t>(i)]);
        continue;
      }
      const auto scaling = scaling_of(node);
      constexpr std::string_view kEnding = "/add_1";
      const std::string y = node.output(0);
      const std::string stem =
          y.ends_with(kEnding) ? y.substr(0, y.size() - kEnding.size()) : y + "/batchnorm";
      auto& product = *nodes.Add();
      product.set_name(checked_new(stem + "/mul_1"));
      product.set_op_type("Mul");
      product.add_input(node.input(0));
      product.add_input(channel_constant(stem + "/mul", scaling->factor, shape->size()));
      product.add_output(stem + "/mul_1");
      auto& sum = *nodes.Add();
      sum.set_name(y);
      sum.set_op_type("Add");
      sum.add_input(stem + "/mul_1");
      sum.add_input(channel_constant(stem + "/sub", scaling->offset, shape->size()));
      sum.add_output(y);
      dead.insert(dead.end(), {false, false});
    }
    graph_.mutable_node()->Swap(&nodes);
    dead_ = std::move(dead);
  }

  std::string channel_constant(const std::string& name, const std::vector<double>& values, std::size_t rank) {
    std::vector<float> narrow;
    for (const double value : values) narrow.push_back(rounded(value, "output"));
    auto& tensor = new_initializer(name);
    for (std::size_t i = 0; i < rank; ++i)
      tensor.add_dims(i == 1 ? static_cast<std::int64_t>(values.size()) : 1);
    tensor.set_raw_data(std::string(as_text(std::as_bytes(std::span(narrow)))));
    return name;
  }

  GraphProto& graph_;
  const GraphIndex index_;
  std::vector<bool> dead_;
  std::unordered_map<std::string, int> folded_into_;  // tensor -> the node that makes it now
};

}  // namespace

void fold_batch_norm(ModelProto& model) { BatchNormFolder(*model.mutable_graph()).run(); }

}  // namespace etalon
