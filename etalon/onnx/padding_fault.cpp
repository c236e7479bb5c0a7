#include "etalon/onnx/padding_fault.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "etalon/onnx/graph_index.hpp"

namespace etalon {
namespace {

constexpr std::int64_t kLargestSize = std::int64_t{1}
                                      << 24;  // of an image or kernel; keeps products in range

// Numbered tensors are the mark of the converter behind the default route.
bool has_numbered_convolutions(const GraphProto& graph) {
  constexpr std::string_view kStem = "convolution_output";
  for (const auto& node : graph.node())
    for (const auto& output : node.output())
      if (output.starts_with(kStem) && output.size() > kStem.size() &&
          std::all_of(output.begin() + kStem.size(), output.end(),
                      [](char c) { return c >= '0' && c <= '9'; }))
        return true;
  return false;
}

bool came_by_the_default_route(const ModelProto& model) {
  const auto& graph = model.graph();
  const auto has_output = [&](std::string_view word) {
    return std::any_of(graph.output().begin(), graph.output().end(),
                       [&](const auto& output) { return output.name().find(word) != std::string::npos; });
  };
  const bool detectnet = has_output("output_cov") && has_output("output_bbox");
  const bool converter = model.producer_name() == "keras2onnx" || has_numbered_convolutions(graph);
  return detectnet && converter;
}

struct AxisPads {
  std::int64_t begin = 0, end = 0;
  bool operator==(const AxisPads&) const = default;
};

// TensorFlow's SAME for an axis: as many outputs as ceil(size / stride), the smaller half of the zeros first.
AxisPads tensorflow_same(const Dimension& size, std::int64_t kernel, std::int64_t stride) {
  std::int64_t total = std::max<std::int64_t>(kernel - stride, 0);
  if (size) total = std::max<std::int64_t>(((*size + stride - 1) / stride - 1) * stride + kernel - *size, 0);
  return {total / 2, total - total / 2};
}

struct Window {
  std::array<std::int64_t, 2> kernel{}, strides{};
};

// Kernel (dilated) and strides of a node over images; nullopt for anything odd.
std::optional<Window> window_of(const NodeProto& node) {
  const auto kernel = ints_attribute(node, "kernel_shape");
  auto strides = ints_attribute(node, "strides"), dilations = ints_attribute(node, "dilations");
  if (strides.empty()) strides = {1, 1};
  if (dilations.empty()) dilations = {1, 1};
  if (kernel.size() != 2 || strides.size() != 2 || dilations.size() != 2) return std::nullopt;
  Window window;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    for (const auto value : {kernel[axis], strides[axis], dilations[axis]})
      if (value < 1 || value > (1 << 12)) return std::nullopt;
    window.kernel[axis] = (kernel[axis] - 1) * dilations[axis] + 1;
    window.strides[axis] = strides[axis];
  }
  return window;
}

using ImageSize = std::array<Dimension, 2>;  // height, width

ImageSize size_in(const std::optional<Shape>& shape) {
  ImageSize size;
  for (std::size_t axis = 0; shape && shape->size() == 4 && axis < 2; ++axis) {
    size[axis] = (*shape)[axis + 2];
    if (size[axis] && (*size[axis] < 1 || *size[axis] > kLargestSize)) size[axis] = std::nullopt;
  }
  return size;
}

// Padding of an axis as the node has it; nullopt: it says something else than pads or SAME_UPPER.
std::optional<std::array<AxisPads, 2>> pads_of(const NodeProto& node, const Window& window,
                                               const ImageSize& size) {
  const auto how = string_attribute(node, "auto_pad", "NOTSET");
  const auto pads = ints_attribute(node, "pads");
  std::array<AxisPads, 2> found;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if (how == "SAME_UPPER")
      found[axis] = tensorflow_same(size[axis], window.kernel[axis], window.strides[axis]);
    else if (how == "NOTSET" && pads.size() == 4)
      found[axis] = {pads[axis], pads[axis + 2]};
    else if (how != "NOTSET" && how != "VALID")
      return std::nullopt;
    for (const auto pad : {found[axis].begin, found[axis].end})
      if (pad < 0 || pad > kLargestSize) return std::nullopt;
  }
  return found;
}

// Height and width of every image of the graph as far as they follow simply. libonnx's own inference is not
// for files of others: version 1.12 reads past the end of shapes that are too short.
class ImageSizes {
 public:
  explicit ImageSizes(const GraphProto& graph) {
    for (const auto& input : graph.input()) sizes_[input.name()] = size_in(shape_of(input));
    for (const auto& value : graph.value_info()) sizes_[value.name()] = size_in(shape_of(value));
    for (const auto& node : graph.node())
      if (node.output_size() > 0 && !node.output(0).empty() && !of(node.output(0))[0])
        sizes_[node.output(0)] = after(node);
  }

  ImageSize of(const std::string& tensor) const {
    const auto found = sizes_.find(tensor);
    return found == sizes_.end() ? ImageSize{} : found->second;
  }

 private:
  ImageSize after(const NodeProto& node) const {
    constexpr std::array<std::string_view, 14> kSameSize{
        "Add",      "BatchNormalization", "Clip", "Concat", "Dropout", "Elu",     "HardSigmoid",
        "Identity", "LeakyRelu",          "Mul",  "PRelu",  "Relu",    "Sigmoid", "Tanh"};
    ImageSize size;
    if (node.input_size() == 0) return size;
    const auto x = of(node.input(0));
    if (std::find(kSameSize.begin(), kSameSize.end(), node.op_type()) != kSameSize.end()) {
      for (const auto& input : node.input())  // the larger: a factor for each channel has the size 1
        for (std::size_t axis = 0; axis < 2; ++axis) size[axis] = std::max(size[axis], of(input)[axis]);
    } else if (node.op_type() == "Conv" || node.op_type() == "MaxPool" || node.op_type() == "AveragePool") {
      const auto window = window_of(node);
      const auto pads = window ? pads_of(node, *window, x) : std::nullopt;
      if (!pads || int_attribute(node, "ceil_mode", 0) != 0) return size;
      for (std::size_t axis = 0; axis < 2; ++axis)
        if (const auto room =
                x[axis].value_or(0) + (*pads)[axis].begin + (*pads)[axis].end - window->kernel[axis];
            x[axis] && room >= 0)
          size[axis] = room / window->strides[axis] + 1;
    }
    return size;
  }

  std::unordered_map<std::string, ImageSize> sizes_;
};

std::string text_of(const std::array<AxisPads, 2>& pads) {
  return fmt::format("[{},{},{},{}]", pads[0].begin, pads[1].begin, pads[0].end, pads[1].end);
}

struct FoundFault {
  PaddingFault words;
  std::array<AxisPads, 2> trained{};
};

std::optional<FoundFault> fault_of(const NodeProto& node, const ImageSizes& sizes) {
  const bool conv = node.op_type() == "Conv", average = node.op_type() == "AveragePool";
  if (!node.domain().empty() || (!conv && !average && node.op_type() != "MaxPool") || node.input_size() == 0)
    return std::nullopt;
  if (conv && int_attribute(node, "group", 1) != 1) return std::nullopt;
  const auto window = window_of(node);
  if (!window) return std::nullopt;
  const auto size = sizes.of(node.input(0));
  const auto has = pads_of(node, *window, size);
  if (!has) return std::nullopt;
  const auto& found = *has;
  const auto how = string_attribute(node, "auto_pad", "NOTSET");

  std::array<AxisPads, 2> same, trained;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const auto kernel = window->kernel[axis];
    same[axis] = tensorflow_same(size[axis], kernel, window->strides[axis]);
    const auto each = conv ? kernel / 2 : (kernel - 1) / 2;
    trained[axis] = {each, each};
  }
  const bool unpadded = found[0] == AxisPads{} && found[1] == AxisPads{};
  // Pads of another kind were not written by the default route for `same`; none at all means `valid`.
  if (how != "SAME_UPPER" && (found != same || unpadded)) return std::nullopt;

  const bool ignores_zeros = average && !unpadded && int_attribute(node, "count_include_pad", 0) == 0;
  if (found == trained && !ignores_zeros) return std::nullopt;
  PaddingFault fault{node.name(), node.output_size() > 0 ? node.output(0) : "", node.op_type(), "",
                     "pads " + text_of(trained)};
  fault.found = how == "SAME_UPPER" ? fmt::format("auto_pad SAME_UPPER, which is {} here", text_of(found))
                                    : "pads " + text_of(found);
  if (ignores_zeros) {
    fault.found += ", padded zeros not counted";
    fault.expected += ", padded zeros counted";
  }
  return FoundFault{std::move(fault), trained};
}

AttributeProto& attribute_of(NodeProto& node, const char* name) {
  for (auto& attribute : *node.mutable_attribute())
    if (attribute.name() == name) return attribute;
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  return attribute;
}

void drop_attribute(NodeProto& node, std::string_view name) {
  auto& attributes = *node.mutable_attribute();
  for (int i = attributes.size() - 1; i >= 0; --i)
    if (attributes[i].name() == name) attributes.DeleteSubrange(i, 1);
}

void repair(NodeProto& node, const std::array<AxisPads, 2>& trained) {
  drop_attribute(node, "auto_pad");
  auto& pads = attribute_of(node, "pads");
  pads.set_type(AttributeProto::INTS);
  pads.clear_ints();
  for (const auto pad : {trained[0].begin, trained[1].begin, trained[0].end, trained[1].end})
    pads.add_ints(pad);
  if (node.op_type() != "AveragePool") return;
  auto& counted = attribute_of(node, "count_include_pad");  // Keras as TAO patched it divides by the window
  counted.set_type(AttributeProto::INT);
  counted.set_i(1);
}

// Outputs of four axes get the height and width that follow from the input.
void set_output_sizes(GraphProto& graph) {
  const ImageSizes sizes(graph);
  for (auto& output : *graph.mutable_output()) {
    const auto size = sizes.of(output.name());
    if (!output.type().tensor_type().has_shape()) continue;
    auto& shape = *output.mutable_type()->mutable_tensor_type()->mutable_shape();
    for (int axis = 0; shape.dim_size() == 4 && axis < 2; ++axis)
      if (size[static_cast<std::size_t>(axis)])
        shape.mutable_dim(axis + 2)->set_dim_value(*size[static_cast<std::size_t>(axis)]);
  }
}

}  // namespace

std::vector<PaddingFault> find_padding_faults(const ModelProto& model) {
  std::vector<PaddingFault> faults;
  if (!came_by_the_default_route(model)) return faults;
  const ImageSizes sizes(model.graph());
  for (const auto& node : model.graph().node())
    if (auto fault = fault_of(node, sizes)) faults.push_back(std::move(fault->words));
  return faults;
}

std::vector<PaddingFault> repair_padding_faults(ModelProto& model) {
  std::vector<PaddingFault> faults;
  if (!came_by_the_default_route(model)) return faults;
  auto& graph = *model.mutable_graph();
  const ImageSizes sizes(graph);  // as the exporter saw them
  for (auto& node : *graph.mutable_node()) {
    auto fault = fault_of(node, sizes);
    if (!fault) continue;
    repair(node, fault->trained);
    faults.push_back(std::move(fault->words));
  }
  if (faults.empty()) return faults;
  graph.clear_value_info();
  set_output_sizes(graph);
  return faults;
}

}  // namespace etalon
