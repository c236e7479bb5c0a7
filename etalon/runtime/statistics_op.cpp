#include "etalon/runtime/statistics_op.hpp"

#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/result.hpp>
#include <openvino/op/transpose.hpp>
#include <optional>

namespace etalon {

StatisticsOp::StatisticsOp(const ov::Output<ov::Node>& tensor, std::shared_ptr<Tap> tap)
    : Op({tensor}), tap_(std::move(tap)) {
  constructor_validate_and_infer_types();
}

void StatisticsOp::validate_and_infer_types() { set_output_type(0, ov::element::u8, ov::Shape{1}); }

std::shared_ptr<ov::Node> StatisticsOp::clone_with_new_inputs(const ov::OutputVector& inputs) const {
  return std::make_shared<StatisticsOp>(inputs.at(0), tap_);
}

bool StatisticsOp::evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const {
  tap_->add({inputs[0].data<const float>(), inputs[0].get_size()});
  outputs[0].data<std::uint8_t>()[0] = 0;
  return true;
}

namespace {

// The same values in another order, where the network itself transposes the tensor.
std::optional<ov::Output<ov::Node>> transposed_by_network(const ov::Output<ov::Node>& tensor) {
  for (const auto& user : tensor.get_target_inputs())
    if (ov::is_type<ov::op::v1::Transpose>(user.get_node()) && user.get_index() == 0)
      return user.get_node()->output(0);
  return std::nullopt;
}

}  // namespace

std::shared_ptr<ov::op::v0::Result> tapped_result(ov::Output<ov::Node> tensor, std::shared_ptr<Tap> tap) {
  const auto constant = [](const std::vector<int>& values) {
    return ov::op::v0::Constant::create(ov::element::i32, {values.size()}, values);
  };
  const auto transposed = transposed_by_network(tensor);
  if (transposed) tensor = *transposed;
  if (tensor.get_element_type() != ov::element::f32)
    tensor = std::make_shared<ov::op::v0::Convert>(tensor, ov::element::f32);
  // An input of the model is planar already; other ranks than 4 are nowhere NHWC.
  if (!transposed && tensor.get_partial_shape().rank() == 4 &&
      !ov::is_type<ov::op::v0::Parameter>(tensor.get_node())) {
    const auto flat = std::make_shared<ov::op::v1::Reshape>(tensor, constant({0, 0, -1}),
                                                            true);  // 0: that dimension as it is
    tensor = std::make_shared<ov::op::v1::Transpose>(flat, constant({0, 2, 1}));
  }
  return std::make_shared<ov::op::v0::Result>(std::make_shared<StatisticsOp>(tensor, std::move(tap)));
}

}  // namespace etalon
