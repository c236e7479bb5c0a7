// Tensors whose channels can only be scaled together (the two addends of an Add and its sum) form a group. A
// group is bounded by convolutions: those that make its tensors, and those that read them. Anything else that
// makes or reads one of its tensors holds the whole group fast.
#include "etalon/quantization/channel_balance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/onnx/fresh_names.hpp"
#include "etalon/onnx/graph_index.hpp"
#include "etalon/quantization/explicit_int8.hpp"
#include "etalon/quantization/image_sample.hpp"
#include "etalon/runtime/session.hpp"

namespace etalon {
namespace {

// Operators whose output is scaled with their input, channel by channel, by any positive number.
constexpr std::string_view kHomogeneous[] = {"Relu",        "LeakyRelu",         "Identity",     "MaxPool",
                                             "AveragePool", "GlobalAveragePool", "GlobalMaxPool"};

// A channel that is hardly ever used would get enormous weights.
constexpr double kSmallestShare = 0x1p-10;  // of the largest channel

bool plain(const NodeProto& node) {
  return (node.domain().empty() || node.domain() == "ai.onnx") && node.output_size() == 1;
}

bool homogeneous(const NodeProto& node) {
  if (!plain(node)) return false;
  if (node.op_type() == "Add") return node.input_size() == 2;
  return node.input_size() == 1 && std::ranges::count(kHomogeneous, node.op_type()) != 0;
}

// Its weights [out, in / group, ...], constants of its own.
struct Convolution {
  int node, weight;  // positions in the graph
  std::optional<int> bias;
  std::uint64_t out, in, groups, inner;  // inner: numbers of a kernel
};

std::optional<Convolution> convolution_of(const GraphProto& graph, const GraphIndex& index, int position) {
  const NodeProto& node = graph.node(position);
  if (!plain(node) || node.op_type() != "Conv" || node.input_size() < 2 || node.input_size() > 3) return {};
  const auto own = [&](const std::string& name) -> std::optional<int> {
    const auto found = index.initializer(name);
    if (!found || index.users(name).size() != 1 || index.is_graph_output(name)) return {};
    return graph.initializer(*found).data_type() == TensorProto::FLOAT ? found : std::nullopt;
  };
  const auto weight = own(node.input(1));
  if (!weight) return {};
  const TensorProto& tensor = graph.initializer(*weight);
  const std::uint64_t count = element_count(tensor);
  const std::int64_t groups = int_attribute(node, "group", 1);
  if (tensor.dims_size() < 3 || count == 0 || groups < 1 || tensor.dims(0) % groups != 0) return {};
  const auto out = static_cast<std::uint64_t>(tensor.dims(0)),
             each = static_cast<std::uint64_t>(tensor.dims(1));
  Convolution made{position,
                   *weight,
                   {},
                   out,
                   each * static_cast<std::uint64_t>(groups),
                   static_cast<std::uint64_t>(groups),
                   count / out / each};
  if (node.input_size() == 3 && !node.input(2).empty()) {
    made.bias = own(node.input(2));
    if (!made.bias || element_count(graph.initializer(*made.bias)) != out) return {};
  }
  return made;
}

struct Group {
  std::vector<std::string> rounded;  // tensors that convolutions read, then skips, each in graph order
  std::vector<Convolution> makers, readers;
  std::uint64_t channels = 0;
  bool held = false;
};

// Joins names into sets.
class Sets {
 public:
  std::size_t of(const std::string& name) {
    const auto [found, added] = ids_.try_emplace(name, parents_.size());
    if (added) parents_.push_back(found->second);
    return root(found->second);
  }
  void join(const std::string& a, const std::string& b) {
    const std::size_t x = of(a), y = of(b);
    parents_[std::max(x, y)] = std::min(x, y);
  }

 private:
  std::size_t root(std::size_t id) {
    while (parents_[id] != id) id = parents_[id] = parents_[parents_[id]];
    return id;
  }
  std::unordered_map<std::string, std::size_t> ids_;
  std::vector<std::size_t> parents_;
};

std::vector<Group> groups_of(const ModelProto& model) {
  const GraphProto& graph = model.graph();
  const GraphIndex index(graph);
  Sets sets;
  for (const NodeProto& node : graph.node())
    if (homogeneous(node))
      for (const auto& input : node.input()) sets.join(input, node.output(0));

  std::map<std::size_t, Group> groups;
  const auto group = [&](const std::string& tensor) -> Group& { return groups[sets.of(tensor)]; };
  const auto agree = [](Group& g, std::uint64_t channels) {
    if (g.channels == 0) g.channels = channels;
    if (g.channels != channels) g.held = true;
  };
  for (const auto& input : graph.input()) group(input.name()).held = true;
  for (const auto& output : graph.output()) group(output.name()).held = true;
  for (const auto& tensor : graph.initializer()) group(tensor.name()).held = true;
  for (int i = 0; i < graph.node_size(); ++i) {
    const NodeProto& node = graph.node(i);
    if (homogeneous(node)) continue;
    const auto convolution = convolution_of(graph, index, i);
    if (convolution) {
      Group& made = group(node.output(0));
      agree(made, convolution->out);
      made.makers.push_back(*convolution);
      Group& read = group(node.input(0));
      agree(read, convolution->in);
      read.readers.push_back(*convolution);
      if (std::ranges::count(read.rounded, node.input(0)) == 0) read.rounded.push_back(node.input(0));
      continue;
    }
    for (const auto& input : node.input())
      if (!input.empty()) group(input).held = true;
    for (const auto& output : node.output())
      if (!output.empty()) group(output).held = true;
    // What subgraphs read is found below.
  }
  for (const std::string& skip : residual_skips(model)) {
    std::vector<std::string>& rounded = group(skip).rounded;
    if (std::ranges::count(rounded, skip) == 0) rounded.push_back(skip);
  }
  // Every reader must be known here: users() counts those in subgraphs as well.
  for (const NodeProto& node : graph.node())
    for (const auto& output : node.output())
      for (const int user : index.users(output)) {
        const auto& inputs = graph.node(user).input();
        if (std::ranges::count(inputs, output) == 0) group(output).held = true;
      }
  std::vector<Group> movable;
  for (auto& [id, g] : groups) {
    if (g.held || g.makers.empty() || g.readers.empty()) continue;
    movable.push_back(std::move(g));
  }
  std::ranges::stable_sort(movable, {}, [](const Group& g) { return g.readers.front().node; });
  return movable;
}

// Multiplies numbers of a constant, each by what factor(position) says.
template <class Factor>
void scale(TensorProto& tensor, const Factor& factor) {
  std::vector<float> values = float_values(tensor);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] *= factor(i);
  tensor.clear_float_data();
  tensor.mutable_raw_data()->assign(reinterpret_cast<const char*>(values.data()),
                                    values.size() * sizeof(float));
}

// What each channel is divided by: 2^n, at most 1, the largest channel's is 1.
std::vector<float> factors(const std::vector<float>& largest) {
  const float all = *std::ranges::max_element(largest);
  std::vector<float> result(largest.size(), 1.0F);
  if (!(all > 0)) return result;
  for (std::size_t c = 0; c < largest.size(); ++c) {
    const double share = std::max(static_cast<double>(largest[c]) / all, kSmallestShare);
    result[c] = static_cast<float>(std::exp2(std::nearbyint(0.5 * std::log2(share))));  // half of the way
  }
  return result;
}

}  // namespace

std::vector<std::string> balanceable_tensors(const ModelProto& model) {
  std::vector<std::string> tensors;
  for (const Group& group : groups_of(model))
    tensors.insert(tensors.end(), group.rounded.begin(), group.rounded.end());
  return tensors;
}

LargestOfChannels balanceable_in(const ModelProto& model, LargestOfChannels largest) {
  const std::vector<std::string> tensors = balanceable_tensors(model);
  const std::unordered_set<std::string_view> there(tensors.begin(), tensors.end());
  std::erase_if(largest, [&](const auto& entry) { return !there.contains(entry.first); });
  return largest;
}

ModelProto balance_by_ranges(const ModelProto& model, const LargestOfChannels& largest) {
  ModelProto out = model;
  GraphProto& graph = *out.mutable_graph();
  for (const Group& group : groups_of(model)) {
    std::vector<float> ranges(group.channels, 0.0F);
    for (const std::string& tensor : group.rounded) {
      const auto found = largest.find(tensor);
      if (found == largest.end()) continue;
      if (found->second.size() != group.channels)
        throw Error(Kind::kBadInput, fmt::format("tensor '{}' has {} channels, expected {}", escaped(tensor),
                                                 found->second.size(), group.channels));
      for (std::size_t c = 0; c < ranges.size(); ++c) ranges[c] = std::max(ranges[c], found->second[c]);
    }
    const std::vector<float> divisors = factors(ranges);
    for (const Convolution& maker : group.makers) {
      const std::uint64_t row = maker.in / maker.groups * maker.inner;
      scale(*graph.mutable_initializer(maker.weight),
            [&](std::size_t i) { return 1.0F / divisors[i / row]; });
      if (maker.bias)
        scale(*graph.mutable_initializer(*maker.bias), [&](std::size_t i) { return 1.0F / divisors[i]; });
    }
    for (const Convolution& reader : group.readers) {
      const std::uint64_t each = reader.in / reader.groups, out_each = reader.out / reader.groups;
      scale(*graph.mutable_initializer(reader.weight), [&](std::size_t i) {
        const std::uint64_t kernel = i / reader.inner;  // of output channel kernel / each
        return divisors[kernel / each / out_each * each + kernel % each];
      });
    }
  }
  return out;
}

LargestOfChannels largest_of_channels(const ModelProto& model, const CalibrationImages& images,
                                      const ChannelBalanceOptions& options, Progress& progress) {
  const std::vector<std::string> tensors = balanceable_tensors(model);
  if (tensors.empty()) return {};
  ModelProto measuring = model;
  GraphProto& graph = *measuring.mutable_graph();
  graph.clear_output();
  graph.clear_value_info();
  FreshNames names(graph);
  const auto append = [&](const char* op, const std::string& input, const std::string& output) {
    NodeProto& node = *graph.add_node();
    node.set_op_type(op);
    node.set_name(names.take(output));
    node.add_input(input);
    node.add_output(node.name());
    return node.name();
  };
  std::map<std::string, std::string> measured;  // output -> tensor
  for (const std::string& tensor : tensors) {
    const std::string output =
        append("GlobalMaxPool", append("Abs", tensor, tensor + "/magnitude"), tensor + "/largest");
    measured[output] = tensor;
    ValueInfoProto& value = *graph.add_output();
    value.set_name(output);
    value.mutable_type()->mutable_tensor_type()->set_elem_type(TensorProto::FLOAT);
  }

  const std::vector<std::size_t> sample = image_sample(images, options.most_images);
  if (images.begin) images.begin(0);
  Session session(measuring, {.threads = options.threads, .input_dims = options.input_dims});
  LargestOfChannels largest;
  progress.begin("balancing channels", sample.size());
  session.run_all(
      sample.size(), [&](std::size_t i, std::span<float> input) { images.load(sample[i], input); },
      [&](std::size_t i, const Outputs& outputs) {
        for (const auto& [name, found] : outputs) {
          const std::string& tensor = measured.at(name);
          std::vector<float>& so_far = largest[tensor];
          // The first axis is the image, or, in a detector's heads, its proposals.
          const auto channels = static_cast<std::size_t>(found.shape.at(1));
          so_far.resize(channels, 0.0F);
          for (std::size_t k = 0; k < found.values.size(); ++k) {
            if (!std::isfinite(found.values[k]))
              throw Error(Kind::kBadInput, fmt::format("tensor '{}' is {} on image '{}'", escaped(tensor),
                                                       found.values[k], escaped(images.names[sample[i]])));
            so_far[k % channels] = std::max(so_far[k % channels], found.values[k]);
          }
        }
      },
      progress);
  progress.end();
  return largest;
}

}  // namespace etalon
