// Builds a graph from typed calls, one function an operator. The caller names every tensor; a node bears the
// name of the tensor it makes. A name that is given twice is an Error: names are identities here.
//
//   GraphBuilder graph("tiny");
//   graph.input("input_1", {std::nullopt, 3, 16, 16});
//   graph.floats("conv1/kernel", {8, 3, 3, 3}, kernel);
//   graph.conv("conv1/convolution", "input_1", "conv1/kernel", "", {.kernel = {3, 3}, .pads = {1, 1, 1, 1}});
//   graph.relu("relu_1/Relu", "conv1/convolution");
//   graph.output("relu_1/Relu", {std::nullopt, 8, 16, 16});
//   ModelProto model = std::move(graph).model();
//
// Operators are those of opset kOpset.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <variant>
#include <vector>

#include "etalon/onnx/model.hpp"
#include "etalon/onnx/weight_steps.hpp"

namespace etalon {

using HeightWidth = std::array<std::int64_t, 2>;

// Zeros added around an image, in ONNX's order.
struct Pads {
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;
  bool none() const { return top == 0 && left == 0 && bottom == 0 && right == 0; }
  bool operator==(const Pads&) const = default;
};

struct ConvWindow {
  HeightWidth kernel{1, 1}, strides{1, 1}, dilations{1, 1};
  Pads pads;
  std::int64_t group = 1;
};

struct PoolWindow {
  HeightWidth kernel{1, 1}, strides{1, 1};
  Pads pads;
};

struct NodeAttribute {
  std::string name;
  std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>> value;
};

struct SuppressionLimits {
  std::int64_t most_per_class = 0;  // boxes kept, of an image's class
  float iou = 0;                    // a kept box removes what overlaps it by more
  float score = 0;                  // only boxes that score more take part
};

class GraphBuilder {
 public:
  explicit GraphBuilder(std::string graph_name);

  // A float32 input; an absent dimension gets the symbolic name "N" when it is the first, else none.
  void input(const std::string& name, const Shape& shape);
  // Declares a tensor that is there as an output of the graph.
  void output(const std::string& name, const Shape& shape);
  // Notes a tensor's shape in value_info, for passes to look up.
  void note_shape(const std::string& name, const Shape& shape);

  // Constants. `raw` holds the float32 numbers' bytes and is moved in.
  void raw_floats(const std::string& name, std::span<const std::int64_t> dims, std::string raw);
  void floats(const std::string& name, std::span<const std::int64_t> dims, std::span<const float> values);
  void scalar(const std::string& name, float value);
  void ints(const std::string& name, std::span<const std::int64_t> values);  // one dimension
  // Notes the grid that `weight`, a constant that is there with its output channels along `axis`, was rounded
  // to in training.
  void weight_steps(const std::string& weight, const WeightGrid& grid, int axis);
  bool has(const std::string& name) const { return names_.contains(name); }

  // `bias` may be "". Kernels: conv [out, in/group, h, w]; conv_transpose [in, out/group, h, w].
  void conv(const std::string& out, const std::string& x, const std::string& kernel, const std::string& bias,
            const ConvWindow& window);
  void conv_transpose(const std::string& out, const std::string& x, const std::string& kernel,
                      const std::string& bias, const ConvWindow& window, HeightWidth output_padding);
  // x [n, in] times weight [out, in] transposed, plus bias [out].
  void gemm(const std::string& out, const std::string& x, const std::string& weight, const std::string& bias);
  void matmul(const std::string& out, const std::string& a, const std::string& b);
  void batch_normalization(const std::string& out, const std::string& x, const std::string& scale,
                           const std::string& bias, const std::string& mean, const std::string& variance,
                           float epsilon);

  void max_pool(const std::string& out, const std::string& x, const PoolWindow& window);
  // Padded zeros count in the mean.
  void average_pool(const std::string& out, const std::string& x, const PoolWindow& window);
  void global_average_pool(const std::string& out, const std::string& x);
  void global_max_pool(const std::string& out, const std::string& x);
  void pad(const std::string& out, const std::string& x, const Pads& pads);  // zeros, NCHW
  // Repeats or interpolates to integer multiples: output i reads input i / factor (TensorFlow 1's rule).
  void upsample(const std::string& out, const std::string& x, HeightWidth factors, bool linear);

  void relu(const std::string& out, const std::string& x);
  void leaky_relu(const std::string& out, const std::string& x, float alpha);
  void prelu(const std::string& out, const std::string& x, const std::string& slope);
  void elu(const std::string& out, const std::string& x, float alpha);
  void hard_sigmoid(const std::string& out, const std::string& x, float alpha, float beta);
  void softmax(const std::string& out, const std::string& x, std::int64_t axis);
  void clip(const std::string& out, const std::string& x, const std::string& low, const std::string& high);
  // Operators of one input and no attribute: Sigmoid, Tanh, Exp, Selu, Softplus, Softsign, Identity ...
  void unary(std::string_view op, const std::string& out, const std::string& x);
  // Operators of two inputs with broadcasting: Add, Sub, Mul, Div, Max, Min, Greater ...
  void binary(std::string_view op, const std::string& out, const std::string& a, const std::string& b);
  void add(const std::string& out, const std::string& a, const std::string& b) { binary("Add", out, a, b); }
  void mul(const std::string& out, const std::string& a, const std::string& b) { binary("Mul", out, a, b); }
  void cast_to_float(const std::string& out, const std::string& x);

  void concat(const std::string& out, std::span<const std::string> parts, std::int64_t axis);
  void flatten(const std::string& out, const std::string& x);  // all but the batch
  // Elements [begin, end) of one axis.
  void slice(const std::string& out, const std::string& x, std::int64_t axis, std::int64_t begin,
             std::int64_t end);
  // `count` zeros after the last element of one of the `rank` axes.
  void pad_after(const std::string& out, const std::string& x, std::int64_t rank, std::int64_t axis,
                 std::int64_t count);
  // A dim of 0 keeps the input's.
  void reshape(const std::string& out, const std::string& x, std::span<const std::int64_t> dims);
  void transpose(const std::string& out, const std::string& x, std::span<const std::int64_t> permutation);
  void unsqueeze(const std::string& out, const std::string& x, std::int64_t axis);
  void tile(const std::string& out, const std::string& x, std::span<const std::int64_t> repeats);

  // A TensorRT plugin, as TensorRT's parser looks for it: a node of ONNX's own domain whose operator is the
  // plugin's name, with `plugin_version` "1" and `plugin_namespace` "" (is_plugin_node in onnx/model.hpp).
  // ONNX cannot infer what it makes: note the shape of `out`.
  void plugin(std::string_view name, const std::string& out, std::span<const std::string> inputs,
              std::span<const NodeAttribute> attributes);

  // Elements where `condition` holds are those of a, the others of b; with broadcasting.
  void where(const std::string& out, const std::string& condition, const std::string& a,
             const std::string& b);
  // The reductions keep the axis, of length 1.
  void reduce_max(const std::string& out, const std::string& x, std::int64_t axis);
  void reduce_min(const std::string& out, const std::string& x, std::int64_t axis);
  void reduce_sum(const std::string& out, const std::string& x, std::int64_t axis);
  void arg_max(const std::string& out, const std::string& x, std::int64_t axis);  // int64, the axis dropped
  // The k largest of the last axis, falling, equal ones by index; their places (int64) are `indices`.
  void top_k(const std::string& values, const std::string& indices, const std::string& x, std::int64_t k);
  void cast_to_int64(const std::string& out, const std::string& x);  // towards zero
  void cast_to_bool(const std::string& out, const std::string& x);   // anything but 0 is true
  // The indices' shape takes the axis's place in the shape of data.
  void gather(const std::string& out, const std::string& data, const std::string& indices, std::int64_t axis);
  // Rows of indices [..., d] point into the d axes after the first `batch_dims`, which both have in common.
  void gather_nd(const std::string& out, const std::string& data, const std::string& indices,
                 std::int64_t batch_dims = 0);
  // data, with updates at the places of indices.
  void scatter_nd(const std::string& out, const std::string& data, const std::string& indices,
                  const std::string& updates);
  void numbers_along(const std::string& out, const std::string& x, std::int64_t axis);  // int64: 0, 1, 2 ...
  void countdown(const std::string& out, std::int64_t from);  // float32: from ... 2, 1
  void cumulative_sum(const std::string& out, const std::string& x, std::int64_t axis);
  void zeros_like(const std::string& out, const std::string& x);  // float32
  // Greedy suppression of boxes [n, k, 4] (y1, x1, y2, x2) with scores [n, classes, k], each class for
  // itself: out [kept, 3], int64: image, class, box.
  void non_max_suppression(const std::string& out, const std::string& boxes, const std::string& scores,
                           const SuppressionLimits& limits);

  // The whole model with etalon's header.
  ModelProto model() &&;

 private:
  NodeProto& append(std::string_view op, const std::string& out, std::span<const std::string> inputs);
  NodeProto& append(std::string_view op, const std::string& out, std::initializer_list<std::string> inputs);
  void cast(const std::string& out, const std::string& x, TensorProto::DataType type);
  void reduce(std::string_view op, const std::string& out, const std::string& x, std::int64_t axis);
  TensorProto& constant(const std::string& name, std::span<const std::int64_t> dims);
  void claim(const std::string& name);

  GraphProto graph_;
  std::unordered_set<std::string> names_;
};

}  // namespace etalon
