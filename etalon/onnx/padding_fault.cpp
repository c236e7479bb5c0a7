#include "etalon/onnx/padding_fault.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "etalon/base/error.hpp"
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

// The model with its shapes, without its large constants: those would only be copied.
ModelProto shapes_only(const ModelProto& model) {
  constexpr std::uint64_t kSmall = 64;  // elements; shapes and axes of Reshape and the like
  ModelProto light;
  light.set_ir_version(model.ir_version());
  *light.mutable_opset_import() = model.opset_import();
  const auto& graph = model.graph();
  auto& copy = *light.mutable_graph();
  copy.set_name(graph.name());
  *copy.mutable_node() = graph.node();
  *copy.mutable_input() = graph.input();
  *copy.mutable_output() = graph.output();
  *copy.mutable_value_info() = graph.value_info();
  for (const auto& tensor : graph.initializer()) {
    auto& entry = *copy.add_initializer();
    if (element_count(tensor) <= kSmall) {
      entry = tensor;
    } else {
      entry.set_name(tensor.name());
      entry.set_data_type(tensor.data_type());
      *entry.mutable_dims() = tensor.dims();
    }
  }
  try {
    infer_shapes(light);
  } catch (const Error&) {
    // Sizes stay unknown and are taken as divisible by the strides, as TAO's are.
  }
  return light;
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

std::string text_of(const std::array<AxisPads, 2>& pads) {
  return fmt::format("[{},{},{},{}]", pads[0].begin, pads[1].begin, pads[0].end, pads[1].end);
}

std::optional<PaddingFault> fault_of(const NodeProto& node, const GraphIndex& shapes) {
  const bool conv = node.op_type() == "Conv", average = node.op_type() == "AveragePool";
  if (!node.domain().empty() || (!conv && !average && node.op_type() != "MaxPool") || node.input_size() == 0)
    return std::nullopt;
  if (conv && int_attribute(node, "group", 1) != 1) return std::nullopt;
  const auto window = window_of(node);
  if (!window) return std::nullopt;
  const auto& shape = shapes.shape(node.input(0));
  const auto how = string_attribute(node, "auto_pad", "NOTSET");
  const auto explicit_pads = ints_attribute(node, "pads");

  std::array<AxisPads, 2> found, same, trained;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const auto kernel = window->kernel[axis];
    Dimension size = shape && shape->size() == 4 ? (*shape)[axis + 2] : std::nullopt;
    if (size && *size > kLargestSize) size = std::nullopt;
    same[axis] = tensorflow_same(size, kernel, window->strides[axis]);
    const auto each = conv ? kernel / 2 : (kernel - 1) / 2;
    trained[axis] = {each, each};
    if (explicit_pads.size() == 4) found[axis] = {explicit_pads[axis], explicit_pads[axis + 2]};
  }
  if (how == "SAME_UPPER")
    found = same;
  else if (how != "NOTSET" || found != same || (found[0] == AxisPads{} && found[1] == AxisPads{}))
    return std::nullopt;  // `valid`

  const bool ignores_zeros = average && !(found[0] == AxisPads{} && found[1] == AxisPads{}) &&
                             int_attribute(node, "count_include_pad", 0) == 0;
  if (found == trained && !ignores_zeros) return std::nullopt;
  PaddingFault fault{node.name(), node.output_size() > 0 ? node.output(0) : "", node.op_type(), "",
                     "pads " + text_of(trained)};
  fault.found = how == "SAME_UPPER" ? fmt::format("auto_pad SAME_UPPER, which is {} here", text_of(found))
                                    : "pads " + text_of(found);
  if (ignores_zeros) {
    fault.found += ", padded zeros not counted";
    fault.expected += ", padded zeros counted";
  }
  return fault;
}

}  // namespace

std::vector<PaddingFault> find_padding_faults(const ModelProto& model) {
  std::vector<PaddingFault> faults;
  if (!came_by_the_default_route(model)) return faults;
  const ModelProto light = shapes_only(model);
  const GraphIndex shapes(light.graph());
  for (const auto& node : light.graph().node())
    if (auto fault = fault_of(node, shapes)) faults.push_back(std::move(*fault));
  return faults;
}

}  // namespace etalon
