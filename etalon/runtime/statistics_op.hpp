// Statistics taken inside an OpenVINO graph, by an operation of our own on side branches.
//
//   conv --+--> relu --> ... --> Result
//          +--> Reshape(N, C, HW) --> Transpose(0, 2, 1) --> StatisticsOp --> Result
//
// Why a side branch: OpenVINO's CPU plugin hands evaluate() the memory where the tensor lies, so nothing is
// copied; an operation in the middle of the graph would copy all that passes. Why Reshape and Transpose: the
// plugin computes convolutions as NHWC but gives evaluate() only planar data, and would reorder the tensor
// for it. A reorder, followed by these two, is no movement at all, and the plugin sees that (for static
// shapes). The order of values does not matter. Where the network itself transposes the tensor, that is
// listened to: beside such a Transpose of an NHWC tensor the plugin of 2026.4.1 gives our branch memory of
// other tensors (tests/any_onnx.py, GraphsAroundATap). Why the taps' results stand before the
// model's own: the plugin then runs each tap right after the node it listens to, when the data are in the
// cache, and reuses memory as in the plain model. docs/statistics.md has the measurements.
#pragma once

#include <memory>
#include <openvino/core/model.hpp>
#include <openvino/op/op.hpp>

#include "etalon/runtime/tap.hpp"

namespace etalon {

// float32 tensor -> one byte of no meaning. The plugin clones the model, a clone a stream: all count into one
// Tap.
class StatisticsOp : public ov::op::Op {
 public:
  OPENVINO_OP("Statistics", "etalon")
  StatisticsOp() = default;
  StatisticsOp(const ov::Output<ov::Node>& tensor, std::shared_ptr<Tap> tap);

  void validate_and_infer_types() override;
  std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override;
  bool visit_attributes(ov::AttributeVisitor&) override { return true; }
  bool has_evaluate() const override { return true; }
  bool can_constant_fold(const ov::OutputVector&) const override { return false; }
  bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override;

 private:
  std::shared_ptr<Tap> tap_;
};

// The result that keeps a tap on `tensor` alive.
std::shared_ptr<ov::op::v0::Result> tapped_result(ov::Output<ov::Node> tensor, std::shared_ptr<Tap> tap);

}  // namespace etalon
