// What onnx's own checker and shape inference say, turned into Error, and what they leave out.
#include <fmt/format.h>
#include <onnx/checker.h>
#include <onnx/shape_inference/implementation.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "etalon/base/error.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {
namespace {

// onnx's messages have several lines; the first ones say it.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (c == '\n' || c == ' ') {
      if (!line.empty() && line.back() != ' ') line += ' ';
    } else {
      line += c;
    }
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return escaped(line, 300);
}

// Runs a piece of libonnx. It fails with exceptions of its own, all of them std::runtime_error, and with
// std::out_of_range where its own `.at()` meets a hole.
template <class Body>
void with_libonnx(std::string_view doing, Body&& body) {
  try {
    body();
  } catch (const std::runtime_error& error) {
    throw Error(Kind::kBadInput, fmt::format("{}: {}", doing, one_line(error.what())));
  } catch (const std::logic_error& error) {
    throw Error(Kind::kBadInput, fmt::format("{}: {}", doing, one_line(error.what())));
  }
}

std::uint64_t element_size_bytes(const TensorProto& tensor) {
  switch (tensor.data_type()) {
    case TensorProto::FLOAT:
    case TensorProto::INT32:
    case TensorProto::UINT32:
      return 4;
    case TensorProto::DOUBLE:
    case TensorProto::INT64:
    case TensorProto::UINT64:
    case TensorProto::COMPLEX64:
      return 8;
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16:
    case TensorProto::INT16:
    case TensorProto::UINT16:
      return 2;
    case TensorProto::INT8:
    case TensorProto::UINT8:
    case TensorProto::BOOL:
    case 17:  // the four kinds of 8-bit floats, newer than libonnx
    case 18:
    case 19:
    case 20:
      return 1;
    case TensorProto::COMPLEX128:
      return 16;
    default:
      return 0;  // strings: no raw data
  }
}

std::uint64_t stored_numbers(const TensorProto& tensor) {
  switch (tensor.data_type()) {
    case TensorProto::FLOAT:
      return static_cast<std::uint64_t>(tensor.float_data_size());
    case TensorProto::COMPLEX64:
      return static_cast<std::uint64_t>(tensor.float_data_size()) / 2;
    case TensorProto::DOUBLE:
      return static_cast<std::uint64_t>(tensor.double_data_size());
    case TensorProto::COMPLEX128:
      return static_cast<std::uint64_t>(tensor.double_data_size()) / 2;
    case TensorProto::INT64:
      return static_cast<std::uint64_t>(tensor.int64_data_size());
    case TensorProto::UINT32:
    case TensorProto::UINT64:
      return static_cast<std::uint64_t>(tensor.uint64_data_size());
    case TensorProto::STRING:
      return static_cast<std::uint64_t>(tensor.string_data_size());
    default:
      return static_cast<std::uint64_t>(tensor.int32_data_size());
  }
}

void check_initializer_size(const TensorProto& tensor) {
  const std::uint64_t count = element_count(tensor);
  if (!tensor.has_raw_data()) {
    if (stored_numbers(tensor) != count)
      throw Error(Kind::kBadInput, fmt::format("initializer '{}' holds {} numbers, its shape needs {}",
                                               escaped(tensor.name()), stored_numbers(tensor), count));
    return;
  }
  const std::uint64_t size = element_size_bytes(tensor);
  if (size == 0 || tensor.raw_data().size() % size != 0 || tensor.raw_data().size() / size != count)
    throw Error(Kind::kBadInput,
                fmt::format("initializer '{}' holds {} bytes, its shape needs {} numbers of {} bytes",
                            escaped(tensor.name()), tensor.raw_data().size(), count, size));
}

// Names are given once and before they are used. onnx's checker sees most of it, but not an initializer that
// stands twice, and it does not say which node uses what.
void check_names(const GraphProto& graph) {
  std::unordered_set<std::string_view> defined, initializers;
  for (const auto& tensor : graph.initializer()) {
    if (tensor.name().empty()) throw Error(Kind::kBadInput, "an initializer has no name");
    if (!initializers.insert(tensor.name()).second)
      throw Error(Kind::kBadInput, fmt::format("initializer '{}' stands twice", escaped(tensor.name())));
  }
  for (const auto& tensor : graph.sparse_initializer()) initializers.insert(tensor.values().name());
  for (const auto& input : graph.input())
    if (!defined.insert(input.name()).second)
      throw Error(Kind::kBadInput, fmt::format("graph input '{}' stands twice", escaped(input.name())));
  defined.insert(initializers.begin(), initializers.end());
  for (const auto& node : graph.node()) {
    for (const auto& input : node.input())
      if (!input.empty() && !defined.contains(input))
        throw Error(Kind::kBadInput,
                    fmt::format("node '{}' ({}) uses tensor '{}', which nothing before it makes",
                                escaped(node.name()), escaped(node.op_type()), escaped(input)));
    for (const auto& output : node.output())
      if (!output.empty() && !defined.insert(output).second)
        throw Error(Kind::kBadInput,
                    fmt::format("node '{}' ({}) makes tensor '{}', which is there already",
                                escaped(node.name()), escaped(node.op_type()), escaped(output)));
  }
  if (graph.output().empty()) throw Error(Kind::kBadInput, "the graph has no outputs");
  std::unordered_set<std::string_view> outputs;
  for (const auto& output : graph.output()) {
    if (!defined.contains(output.name()))
      throw Error(Kind::kBadInput,
                  fmt::format("graph output '{}' is made by no node", escaped(output.name())));
    if (!outputs.insert(output.name()).second)
      throw Error(Kind::kBadInput, fmt::format("graph output '{}' stands twice", escaped(output.name())));
  }
}

void check_opset(const ModelProto& model, int newest) {
  constexpr int kFirstIrWithOpsets = 3;
  if (model.opset_import().empty() && model.ir_version() >= kFirstIrWithOpsets)
    throw Error(Kind::kBadInput, "the model does not say which operator set it uses",
                "the file is cut off, or its writer is broken");
  if (const auto opset = opset_of(model); opset > newest)
    throw Error(Kind::kUnsupported,
                fmt::format("the model uses ONNX opset {}, this program knows 1 to {}", opset, newest),
                fmt::format("export it with opset {}, or convert it with onnx.version_converter", newest));
}

// Operators that opset 18 to 21 brought, or to which they gave inputs, outputs or attributes (ONNX's
// changelog).
constexpr std::array<std::string_view, 44> kNewSinceLibonnx{"AffineGrid",
                                                            "AveragePool",
                                                            "BitwiseAnd",
                                                            "BitwiseNot",
                                                            "BitwiseOr",
                                                            "BitwiseXor",
                                                            "Cast",
                                                            "CastLike",
                                                            "CenterCropPad",
                                                            "Col2Im",
                                                            "DFT",
                                                            "DeformConv",
                                                            "DequantizeLinear",
                                                            "Gelu",
                                                            "GridSample",
                                                            "GroupNormalization",
                                                            "ImageDecoder",
                                                            "IsInf",
                                                            "LpPool",
                                                            "Mish",
                                                            "OptionalGetElement",
                                                            "OptionalHasElement",
                                                            "Pad",
                                                            "QuantizeLinear",
                                                            "ReduceL1",
                                                            "ReduceL2",
                                                            "ReduceLogSum",
                                                            "ReduceLogSumExp",
                                                            "ReduceMax",
                                                            "ReduceMean",
                                                            "ReduceMin",
                                                            "ReduceProd",
                                                            "ReduceSumSquare",
                                                            "RegexFullMatch",
                                                            "Reshape",
                                                            "Resize",
                                                            "RoiAlign",
                                                            "ScatterElements",
                                                            "ScatterND",
                                                            "Shape",
                                                            "Split",
                                                            "StringConcat",
                                                            "StringSplit",
                                                            "Upsample"};

// ONNX's operators, for each plugin of one model an operator that may have anything, and the same for what is
// newer than libonnx where the model is.
class SchemasWithPlugins final : public onnx::ISchemaRegistry {
 public:
  explicit SchemasWithPlugins(const ModelProto& model) {
    if (opset_of(model) > kNewestOpset)
      for (const auto op : kNewSinceLibonnx) may_have_anything(newer_[std::string(op)], std::string(op), 1);
    for (const auto& node : model.graph().node())
      if (is_plugin_node(node) && !plugins_.contains(node.op_type()))
        may_have_anything(plugins_[node.op_type()], node.op_type(), 0);
  }
  const onnx::OpSchema* GetSchema(const std::string& op, const int newest_version,
                                  const std::string& domain) const override {
    if (const auto newer = newer_.find(op); domain.empty() && newer != newer_.end()) return &newer->second;
    if (const auto* own = onnx::OpSchemaRegistry::Instance()->GetSchema(op, newest_version, domain))
      return own;
    const auto found = plugins_.find(op);
    return domain.empty() && found != plugins_.end() ? &found->second : nullptr;
  }

  bool is_plugin(const std::string& op) const { return plugins_.contains(op); }

 private:
  static void may_have_anything(onnx::OpSchema& schema, const std::string& op, int fewest_inputs) {
    schema.SetName(op)
        .AllowUncheckedAttributes()
        .Input(0, "inputs", "", "T", onnx::OpSchema::Variadic, false, fewest_inputs)
        .Output(0, "outputs", "", "T", onnx::OpSchema::Variadic, false, 1)
        .TypeConstraint("T", onnx::OpSchema::all_tensor_types(), "");
    schema.Finalize();
  }

  std::unordered_map<std::string, onnx::OpSchema> plugins_, newer_;
};

// The operator of a plugin node without its mark is a slip of the writer, even where other nodes of that
// operator have it.
void check_plugin_marks(const GraphProto& graph, const SchemasWithPlugins& schemas) {
  for (const auto& node : graph.node())
    if (node.domain().empty() && !is_plugin_node(node) &&
        !onnx::OpSchemaRegistry::Schema(node.op_type(), kNewestOpset, "") &&
        schemas.is_plugin(node.op_type()))
      throw Error(Kind::kBadInput, fmt::format("node '{}' ({}) has no attribute '{}'", escaped(node.name()),
                                               escaped(node.op_type()), kPluginVersion));
}

}  // namespace

bool is_plugin_node(const NodeProto& node) {
  if (!node.domain().empty()) return false;
  const auto marked = [](const AttributeProto& attribute) { return attribute.name() == kPluginVersion; };
  return std::ranges::any_of(node.attribute(), marked) &&
         !onnx::OpSchemaRegistry::Schema(node.op_type(), kNewestOpset, "");
}

void check_onnx(const ModelProto& model) {
  check_opset(model, kNewestCheckedOpset);
  check_names(model.graph());
  for (const auto& tensor : model.graph().initializer()) check_initializer_size(tensor);
  with_libonnx("onnx's checker refuses the model", [&] {
    // As checker::check_model, but for the header's version, which says nothing about the graph: newer
    // writers set newer ones with the same opset.
    constexpr int kNewestIr = 8;  // of libonnx 1.12
    onnx::checker::CheckerContext context;
    context.set_ir_version(static_cast<int>(std::clamp<std::int64_t>(model.ir_version(), 1, kNewestIr)));
    std::unordered_map<std::string, int> opsets;
    for (const auto& imported : model.opset_import()) {
      const bool own = imported.domain().empty() || imported.domain() == "ai.onnx";
      opsets[own ? "" : imported.domain()] = static_cast<int>(
          own ? std::min<std::int64_t>(imported.version(), kNewestOpset) : imported.version());
    }
    if (opsets.empty()) opsets[""] = 1;
    context.set_opset_imports(opsets);
    const SchemasWithPlugins schemas(model);
    check_plugin_marks(model.graph(), schemas);
    context.set_schema_registry(&schemas);
    const onnx::checker::LexicalScopeContext scope;
    onnx::checker::check_graph(model.graph(), context, scope);
    if (model.functions_size() > 0) onnx::checker::check_model_local_functions(model, context, scope);
  });
}

void infer_shapes(ModelProto& model) {
  check_opset(model, kNewestOpset);
  with_libonnx("the shapes of the model do not fit together", [&] {
    const onnx::ShapeInferenceOptions strict(true, 1,
                                             true);  // check types, fail on errors, follow constant shapes
    onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), strict);
  });
}

}  // namespace etalon
