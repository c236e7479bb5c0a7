#include "etalon/quantization/weighted_layers.hpp"

#include <fmt/format.h>

#include <unordered_map>

#include "etalon/base/error.hpp"

namespace etalon {

WeightedLayers weighted_layers(const GraphProto& graph) {
  std::unordered_map<std::string_view, const TensorProto*> constants;
  for (const auto& tensor : graph.initializer()) constants[tensor.name()] = &tensor;
  WeightedLayers found;
  for (int i = 0; i < graph.node_size(); ++i) {
    const NodeProto& node = graph.node(i);
    if (!has_weights(node) || node.input_size() < 2 || node.output_size() == 0) continue;
    const auto weight = constants.find(node.input(1));
    if (weight == constants.end()) {
      found.others.push_back({i, "its weights are no constants"});
    } else if (weight->second->data_type() != TensorProto::FLOAT) {
      const int type = weight->second->data_type();
      found.others.push_back(
          {i, fmt::format("its weights are {}, not FLOAT",
                          TensorProto::DataType_IsValid(type)
                              ? TensorProto::DataType_Name(static_cast<TensorProto::DataType>(type))
                              : fmt::format("of type {}", type))});
    } else if (const auto layout = within([&] { return fmt::format("node '{}'", escaped(node.name())); },
                                          [&] { return channel_layout(node, *weight->second); })) {
      found.constant.push_back({i, weight->second, *layout});
    }
  }
  return found;
}

}  // namespace etalon
