#include "etalon/onnx/graph_builder.hpp"

#include <fmt/format.h>

#include <cstring>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

void set(NodeProto& node, std::string_view name, std::int64_t value) {
  auto* attribute = node.add_attribute();
  attribute->set_name(std::string(name));
  attribute->set_type(AttributeProto::INT);
  attribute->set_i(value);
}
void set(NodeProto& node, std::string_view name, float value) {
  auto* attribute = node.add_attribute();
  attribute->set_name(std::string(name));
  attribute->set_type(AttributeProto::FLOAT);
  attribute->set_f(value);
}
void set(NodeProto& node, std::string_view name, std::string_view value) {
  auto* attribute = node.add_attribute();
  attribute->set_name(std::string(name));
  attribute->set_type(AttributeProto::STRING);
  attribute->set_s(std::string(value));
}
void set(NodeProto& node, std::string_view name, std::span<const std::int64_t> values) {
  auto* attribute = node.add_attribute();
  attribute->set_name(std::string(name));
  attribute->set_type(AttributeProto::INTS);
  for (const auto value : values) attribute->add_ints(value);
}
void set(NodeProto& node, const Pads& pads) {
  set(node, "pads", std::array{pads.top, pads.left, pads.bottom, pads.right});
}

void declare(ValueInfoProto& value, const std::string& name, const Shape& shape) {
  value.set_name(name);
  auto* type = value.mutable_type()->mutable_tensor_type();
  type->set_elem_type(TensorProto::FLOAT);
  auto* dims = type->mutable_shape();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    auto* dim = dims->add_dim();
    if (shape[i])
      dim->set_dim_value(*shape[i]);
    else if (i == 0)
      dim->set_dim_param("N");
  }
}

}  // namespace

GraphBuilder::GraphBuilder(std::string graph_name) { graph_.set_name(std::move(graph_name)); }

void GraphBuilder::claim(const std::string& name) {
  if (name.empty()) throw Error(Kind::kBadInput, "a tensor has an empty name");
  if (!names_.insert(name).second)
    throw Error(Kind::kBadInput, fmt::format("two tensors would be called '{}'", escaped(name)),
                "rename one of the layers");
}

void GraphBuilder::input(const std::string& name, const Shape& shape) {
  claim(name);
  declare(*graph_.add_input(), name, shape);
}
void GraphBuilder::output(const std::string& name, const Shape& shape) {
  declare(*graph_.add_output(), name, shape);
}
void GraphBuilder::note_shape(const std::string& name, const Shape& shape) {
  declare(*graph_.add_value_info(), name, shape);
}

TensorProto& GraphBuilder::constant(const std::string& name, std::span<const std::int64_t> dims) {
  claim(name);
  auto& tensor = *graph_.add_initializer();
  tensor.set_name(name);
  for (const auto dim : dims) tensor.add_dims(dim);
  return tensor;
}
void GraphBuilder::raw_floats(const std::string& name, std::span<const std::int64_t> dims, std::string raw) {
  auto& tensor = constant(name, dims);
  tensor.set_data_type(TensorProto::FLOAT);
  tensor.set_raw_data(std::move(raw));
}
void GraphBuilder::floats(const std::string& name, std::span<const std::int64_t> dims,
                          std::span<const float> values) {
  raw_floats(name, dims, std::string(as_text(std::as_bytes(values))));
}
void GraphBuilder::scalar(const std::string& name, float value) { floats(name, {}, std::array{value}); }
void GraphBuilder::weight_steps(const std::string& weight, const WeightGrid& grid, int axis) {
  claim(weight + "/steps");
  claim(weight + "/integers");
  annotate_weight_steps(graph_, weight, grid, axis);
}
void GraphBuilder::ints(const std::string& name, std::span<const std::int64_t> values) {
  auto& tensor = constant(name, std::array{static_cast<std::int64_t>(values.size())});
  tensor.set_data_type(TensorProto::INT64);
  tensor.set_raw_data(std::string(as_text(std::as_bytes(values))));
}

NodeProto& GraphBuilder::append(std::string_view op, const std::string& out,
                                std::span<const std::string> inputs) {
  claim(out);
  auto& node = *graph_.add_node();
  node.set_name(out);
  node.set_op_type(std::string(op));
  std::size_t count = inputs.size();
  while (count > 0 && inputs[count - 1].empty())
    --count;  // trailing inputs that are left out are not written
  for (const auto& input : inputs.first(count)) node.add_input(input);
  node.add_output(out);
  return node;
}
NodeProto& GraphBuilder::append(std::string_view op, const std::string& out,
                                std::initializer_list<std::string> inputs) {
  return append(op, out, std::span<const std::string>(inputs.begin(), inputs.size()));
}

void GraphBuilder::conv(const std::string& out, const std::string& x, const std::string& kernel,
                        const std::string& bias, const ConvWindow& window) {
  auto& node = append("Conv", out, {x, kernel, bias});
  set(node, "dilations", window.dilations);
  set(node, "group", window.group);
  set(node, "kernel_shape", window.kernel);
  set(node, window.pads);
  set(node, "strides", window.strides);
}
void GraphBuilder::conv_transpose(const std::string& out, const std::string& x, const std::string& kernel,
                                  const std::string& bias, const ConvWindow& window,
                                  HeightWidth output_padding) {
  auto& node = append("ConvTranspose", out, {x, kernel, bias});
  set(node, "dilations", window.dilations);
  set(node, "group", window.group);
  set(node, "kernel_shape", window.kernel);
  if (output_padding != HeightWidth{0, 0}) set(node, "output_padding", output_padding);
  set(node, window.pads);
  set(node, "strides", window.strides);
}
void GraphBuilder::gemm(const std::string& out, const std::string& x, const std::string& weight,
                        const std::string& bias) {
  set(append("Gemm", out, {x, weight, bias}), "transB", std::int64_t{1});
}
void GraphBuilder::matmul(const std::string& out, const std::string& a, const std::string& b) {
  append("MatMul", out, {a, b});
}
void GraphBuilder::batch_normalization(const std::string& out, const std::string& x, const std::string& scale,
                                       const std::string& bias, const std::string& mean,
                                       const std::string& variance, float epsilon) {
  set(append("BatchNormalization", out, {x, scale, bias, mean, variance}), "epsilon", epsilon);
}

void GraphBuilder::max_pool(const std::string& out, const std::string& x, const PoolWindow& window) {
  auto& node = append("MaxPool", out, {x});
  set(node, "kernel_shape", window.kernel);
  set(node, window.pads);
  set(node, "strides", window.strides);
}
void GraphBuilder::average_pool(const std::string& out, const std::string& x, const PoolWindow& window) {
  auto& node = append("AveragePool", out, {x});
  set(node, "count_include_pad", std::int64_t{1});
  set(node, "kernel_shape", window.kernel);
  set(node, window.pads);
  set(node, "strides", window.strides);
}
void GraphBuilder::global_average_pool(const std::string& out, const std::string& x) {
  append("GlobalAveragePool", out, {x});
}
void GraphBuilder::global_max_pool(const std::string& out, const std::string& x) {
  append("GlobalMaxPool", out, {x});
}
void GraphBuilder::pad(const std::string& out, const std::string& x, const Pads& pads) {
  ints(out + "/paddings",
       std::array<std::int64_t, 8>{0, 0, pads.top, pads.left, 0, 0, pads.bottom, pads.right});
  set(append("Pad", out, {x, out + "/paddings"}), "mode", std::string_view("constant"));
}
void GraphBuilder::upsample(const std::string& out, const std::string& x, HeightWidth factors, bool linear) {
  floats(out + "/scales", std::array<std::int64_t, 1>{4},
         std::array{1.0F, 1.0F, static_cast<float>(factors[0]), static_cast<float>(factors[1])});
  auto& node = append("Resize", out, {x, "", out + "/scales"});
  set(node, "coordinate_transformation_mode", std::string_view("asymmetric"));
  set(node, "mode", std::string_view(linear ? "linear" : "nearest"));
  if (!linear) set(node, "nearest_mode", std::string_view("floor"));
}

void GraphBuilder::relu(const std::string& out, const std::string& x) { append("Relu", out, {x}); }
void GraphBuilder::leaky_relu(const std::string& out, const std::string& x, float alpha) {
  set(append("LeakyRelu", out, {x}), "alpha", alpha);
}
void GraphBuilder::prelu(const std::string& out, const std::string& x, const std::string& slope) {
  append("PRelu", out, {x, slope});
}
void GraphBuilder::elu(const std::string& out, const std::string& x, float alpha) {
  set(append("Elu", out, {x}), "alpha", alpha);
}
void GraphBuilder::hard_sigmoid(const std::string& out, const std::string& x, float alpha, float beta) {
  auto& node = append("HardSigmoid", out, {x});
  set(node, "alpha", alpha);
  set(node, "beta", beta);
}
void GraphBuilder::softmax(const std::string& out, const std::string& x, std::int64_t axis) {
  set(append("Softmax", out, {x}), "axis", axis);
}
void GraphBuilder::clip(const std::string& out, const std::string& x, const std::string& low,
                        const std::string& high) {
  append("Clip", out, {x, low, high});
}
void GraphBuilder::unary(std::string_view op, const std::string& out, const std::string& x) {
  append(op, out, {x});
}
void GraphBuilder::binary(std::string_view op, const std::string& out, const std::string& a,
                          const std::string& b) {
  append(op, out, {a, b});
}
void GraphBuilder::cast(const std::string& out, const std::string& x, TensorProto::DataType type) {
  set(append("Cast", out, {x}), "to", static_cast<std::int64_t>(type));
}
void GraphBuilder::cast_to_float(const std::string& out, const std::string& x) {
  cast(out, x, TensorProto::FLOAT);
}
void GraphBuilder::cast_to_int64(const std::string& out, const std::string& x) {
  cast(out, x, TensorProto::INT64);
}
void GraphBuilder::cast_to_bool(const std::string& out, const std::string& x) {
  cast(out, x, TensorProto::BOOL);
}

void GraphBuilder::concat(const std::string& out, std::span<const std::string> parts, std::int64_t axis) {
  set(append("Concat", out, parts), "axis", axis);
}
void GraphBuilder::flatten(const std::string& out, const std::string& x) {
  set(append("Flatten", out, {x}), "axis", std::int64_t{1});
}
void GraphBuilder::slice(const std::string& out, const std::string& x, std::int64_t axis, std::int64_t begin,
                         std::int64_t end) {
  ints(out + "/starts", std::array{begin});
  ints(out + "/ends", std::array{end});
  ints(out + "/axes", std::array{axis});
  append("Slice", out, {x, out + "/starts", out + "/ends", out + "/axes"});
}
void GraphBuilder::pad_after(const std::string& out, const std::string& x, std::int64_t rank,
                             std::int64_t axis, std::int64_t count) {
  if (axis < 0 || axis >= rank)
    throw Error(Kind::kInternal, fmt::format("a tensor of {} axes is padded along axis {}", rank, axis));
  std::vector<std::int64_t> paddings(static_cast<std::size_t>(2 * rank), 0);
  paddings[static_cast<std::size_t>(rank + axis)] = count;
  ints(out + "/paddings", paddings);
  set(append("Pad", out, {x, out + "/paddings"}), "mode", std::string_view("constant"));
}
void GraphBuilder::reshape(const std::string& out, const std::string& x, std::span<const std::int64_t> dims) {
  ints(out + "/shape", dims);
  append("Reshape", out, {x, out + "/shape"});
}
void GraphBuilder::transpose(const std::string& out, const std::string& x,
                             std::span<const std::int64_t> permutation) {
  set(append("Transpose", out, {x}), "perm", permutation);
}
void GraphBuilder::unsqueeze(const std::string& out, const std::string& x, std::int64_t axis) {
  ints(out + "/axes", std::array{axis});
  append("Unsqueeze", out, {x, out + "/axes"});
}
void GraphBuilder::tile(const std::string& out, const std::string& x, std::span<const std::int64_t> repeats) {
  ints(out + "/multiples", repeats);
  append("Tile", out, {x, out + "/multiples"});
}

void GraphBuilder::plugin(std::string_view name, const std::string& out, std::span<const std::string> inputs,
                          std::span<const NodeAttribute> attributes) {
  auto& node = append(name, out, inputs);
  for (const auto& attribute : attributes)
    std::visit([&](const auto& value) { set(node, attribute.name, value); }, attribute.value);
  set(node, kPluginVersion, std::string_view("1"));
  set(node, "plugin_namespace", std::string_view());
}

void GraphBuilder::where(const std::string& out, const std::string& condition, const std::string& a,
                         const std::string& b) {
  append("Where", out, {condition, a, b});
}
void GraphBuilder::reduce(std::string_view op, const std::string& out, const std::string& x,
                          std::int64_t axis) {
  auto& node = append(op, out, {x});
  set(node, "axes", std::array{axis});
  set(node, "keepdims", std::int64_t{1});
}
void GraphBuilder::reduce_max(const std::string& out, const std::string& x, std::int64_t axis) {
  reduce("ReduceMax", out, x, axis);
}
void GraphBuilder::reduce_min(const std::string& out, const std::string& x, std::int64_t axis) {
  reduce("ReduceMin", out, x, axis);
}
void GraphBuilder::reduce_sum(const std::string& out, const std::string& x, std::int64_t axis) {
  ints(out + "/axes", std::array{axis});  // an input since opset 13, unlike the other reductions'
  set(append("ReduceSum", out, {x, out + "/axes"}), "keepdims", std::int64_t{1});
}
void GraphBuilder::arg_max(const std::string& out, const std::string& x, std::int64_t axis) {
  auto& node = append("ArgMax", out, {x});
  set(node, "axis", axis);
  set(node, "keepdims", std::int64_t{0});
}
void GraphBuilder::top_k(const std::string& values, const std::string& indices, const std::string& x,
                         std::int64_t k) {
  ints(values + "/k", std::array{k});
  claim(indices);
  auto& node = append("TopK", values, {x, values + "/k"});
  node.add_output(indices);
  set(node, "axis", std::int64_t{-1});
}
void GraphBuilder::gather(const std::string& out, const std::string& data, const std::string& indices,
                          std::int64_t axis) {
  set(append("Gather", out, {data, indices}), "axis", axis);
}
void GraphBuilder::gather_nd(const std::string& out, const std::string& data, const std::string& indices,
                             std::int64_t batch_dims) {
  set(append("GatherND", out, {data, indices}), "batch_dims", batch_dims);
}
void GraphBuilder::scatter_nd(const std::string& out, const std::string& data, const std::string& indices,
                              const std::string& updates) {
  append("ScatterND", out, {data, indices, updates});
}
void GraphBuilder::numbers_along(const std::string& out, const std::string& x, std::int64_t axis) {
  const auto number = [&](const std::string& name, std::int64_t value) {
    auto& tensor = constant(out + name, {});
    tensor.set_data_type(TensorProto::INT64);
    tensor.set_raw_data(std::string(as_text(std::as_bytes(std::span(&value, 1)))));
  };
  number("/axis", axis);
  number("/zero", 0);
  number("/one", 1);
  append("Shape", out + "/shape", {x});
  append("Gather", out + "/length", {out + "/shape", out + "/axis"});
  append("Range", out, {out + "/zero", out + "/length", out + "/one"});
}
void GraphBuilder::countdown(const std::string& out, std::int64_t from) {
  scalar(out + "/from", static_cast<float>(from));
  scalar(out + "/zero", 0);
  scalar(out + "/step", -1);
  append("Range", out, {out + "/from", out + "/zero", out + "/step"});
}
void GraphBuilder::cumulative_sum(const std::string& out, const std::string& x, std::int64_t axis) {
  ints(out + "/axis", std::array{axis});
  append("CumSum", out, {x, out + "/axis"});
}
void GraphBuilder::zeros_like(const std::string& out, const std::string& x) {
  append("Shape", out + "/shape", {x});
  append("ConstantOfShape", out, {out + "/shape"});
}
void GraphBuilder::non_max_suppression(const std::string& out, const std::string& boxes,
                                       const std::string& scores, const SuppressionLimits& limits) {
  ints(out + "/most_per_class", std::array{limits.most_per_class});
  floats(out + "/iou", std::array<std::int64_t, 1>{1}, std::array{limits.iou});
  floats(out + "/score", std::array<std::int64_t, 1>{1}, std::array{limits.score});
  append("NonMaxSuppression", out, {boxes, scores, out + "/most_per_class", out + "/iou", out + "/score"});
}

ModelProto GraphBuilder::model() && { return model_of(std::move(graph_)); }

}  // namespace etalon
