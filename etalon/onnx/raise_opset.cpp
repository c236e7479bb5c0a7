// What ONNX's changelog says of the operators between 13 and 19. Most changes add types or optional inputs
// and attributes whose absence means what it meant before; those that do not stand in the table.
#include "etalon/onnx/raise_opset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "etalon/base/error.hpp"
#include "etalon/onnx/fresh_names.hpp"
#include "etalon/onnx/graph_index.hpp"

namespace etalon {
namespace {

constexpr std::int64_t kOldestOpset = 13;
constexpr int kIrOfOpset19 = 9;

struct Context {
  GraphProto& graph;
  FreshNames& names;
};

void set_int(NodeProto& node, const char* name, std::int64_t value) {
  AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(AttributeProto::INT);
  attribute.set_i(value);
}

// 18: equal parts are asked for by number; before, the number of outputs said it.
void split(NodeProto& node, Context&) {
  if ((node.input_size() < 2 || node.input(1).empty()) && !find_attribute(node, "num_outputs"))
    set_int(node, "num_outputs", node.output_size());
}

// 18: the axes of a reduction are an input.
void reduction(NodeProto& node, Context& context) {
  const AttributeProto* axes = find_attribute(node, "axes");
  if (!axes) return;
  if (node.input_size() != 1)
    throw Error(Kind::kBadInput, fmt::format("it has {} inputs", node.input_size()));
  TensorProto& tensor = *context.graph.add_initializer();
  tensor.set_name(context.names.take((node.output_size() > 0 ? node.output(0) : node.op_type()) + "/axes"));
  tensor.set_data_type(TensorProto::INT64);
  tensor.add_dims(axes->ints_size());
  *tensor.mutable_int64_data() = axes->ints();
  node.add_input(tensor.name());
  auto& attributes = *node.mutable_attribute();
  attributes.erase(std::remove_if(attributes.begin(), attributes.end(),
                                  [](const AttributeProto& attribute) { return attribute.name() == "axes"; }),
                   attributes.end());
}

// 16: half a pixel is taken off the corners unless this is said.
void roi_align(NodeProto& node, Context&) {
  if (find_attribute(node, "coordinate_transformation_mode")) return;
  AttributeProto& attribute = *node.add_attribute();
  attribute.set_name("coordinate_transformation_mode");
  attribute.set_type(AttributeProto::STRING);
  attribute.set_s("output_half_pixel");
}

// 14: the other outputs are those of training, under another meaning.
void batch_normalization(NodeProto& node, Context&) {
  if (node.output_size() > 1)
    throw Error(Kind::kUnsupported, "it has outputs of training, which opset 19 says otherwise",
                "export the model for inference");
}

// Resize has had no such mode since 13, and libonnx lets it pass.
void resize(NodeProto& node, Context&) {
  if (string_attribute(node, "coordinate_transformation_mode", "half_pixel") == "tf_half_pixel_for_nn")
    throw Error(Kind::kUnsupported, "its mode tf_half_pixel_for_nn went with opset 13");
}

struct Change {
  std::string_view op;
  std::int64_t since;  // nodes of an older opset are rewritten
  void (*rewrite)(NodeProto&, Context&);
};
constexpr std::array kChanges{
    Change{"BatchNormalization", 14, batch_normalization},
    Change{"ReduceL1", 18, reduction},
    Change{"ReduceL2", 18, reduction},
    Change{"ReduceLogSum", 18, reduction},
    Change{"ReduceLogSumExp", 18, reduction},
    Change{"ReduceMax", 18, reduction},
    Change{"ReduceMean", 18, reduction},
    Change{"ReduceMin", 18, reduction},
    Change{"ReduceProd", 18, reduction},
    Change{"ReduceSumSquare", 18, reduction},
    Change{"Resize", 18, resize},
    Change{"RoiAlign", 16, roi_align},
    Change{"Split", 18, split},
};

void rewrite(GraphProto& graph, FreshNames& names, std::int64_t from) {
  Context context{graph, names};
  for (auto& node : *graph.mutable_node()) {
    for (auto& attribute : *node.mutable_attribute()) {
      if (attribute.has_g()) rewrite(*attribute.mutable_g(), names, from);
      for (auto& subgraph : *attribute.mutable_graphs()) rewrite(subgraph, names, from);
    }
    if (!node.domain().empty() && node.domain() != "ai.onnx") continue;
    for (const auto& change : kChanges)
      if (change.op == node.op_type() && from < change.since)
        within([&] { return fmt::format("node '{}' ({})", escaped(node.name()), node.op_type()); },
               [&] { change.rewrite(node, context); });
  }
}

}  // namespace

void raise_opset_to_19(ModelProto& model) {
  const auto from = opset_of(model);
  if (from >= kHalfScaleOpset) return;
  if (from < kOldestOpset)
    throw Error(Kind::kUnsupported,
                fmt::format("the model has opset {}, only {} or later can be raised to {}", from,
                            kOldestOpset, kHalfScaleOpset));
  FreshNames names(model.graph());
  rewrite(*model.mutable_graph(), names, from);
  for (auto& imported : *model.mutable_opset_import())
    if (imported.domain().empty() || imported.domain() == "ai.onnx") imported.set_version(kHalfScaleOpset);
  model.set_ir_version(std::max<std::int64_t>(model.ir_version(), kIrOfOpset19));
}

}  // namespace etalon
