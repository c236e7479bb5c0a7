// A network and its quantised form as one graph with one input: they are compared tensor by tensor while they
// run, and no tensor has to be kept.
//
//   SideBySide both(exact, floating_form(quantized));
//   both.output(both.add("Sub", {both.exact("conv1/BiasAdd"), "conv1/BiasAdd"}, "difference"));
//   Session session(std::move(both).model(), {.threads = 2});
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "etalon/onnx/fresh_names.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

class SideBySide {
 public:
  // Tensors of the quantised network keep their names, those of the exact one get others; the input is one.
  // Errors: kUnsupported (the models are written in different operator sets), kBadInput (not one input, or
  // inputs of different names).
  SideBySide(const ModelProto& exact, const ModelProto& quantized);

  // What a tensor of the exact network is called here. Error (kBadInput): it has no such tensor.
  const std::string& exact(const std::string& tensor) const;
  bool both_have(const std::string& tensor) const;

  // A new node of one output; returns the output's name, which is `output` if that is free.
  std::string add(std::string_view op, std::initializer_list<std::string> inputs, const std::string& output);
  // The mean over some axes, which stay with length 1; over all elements, a scalar, when none is named.
  std::string mean(const std::string& tensor, const std::vector<std::int64_t>& axes,
                   const std::string& output);
  std::string cast_to_float(const std::string& tensor, const std::string& output);
  std::string squares_mean(const std::string& tensor, const std::string& output);
  void output(const std::string& tensor);

  // The quantised network's node that makes `tensor` makes another one instead, whose name is returned. Nodes
  // that are added from now on stand right behind it; one of them has to make `tensor`, by replace().
  std::string move_aside(const std::string& tensor);
  void replace(const std::string& tensor, std::string_view op, std::initializer_list<std::string> inputs);

  // A copy of the layer that makes `tensor` in the quantised network: it reads what the exact network
  // computed, rounded as the quantised one rounds it, and has the exact network's bias. Returns its output.
  std::string layer_alone(const std::string& tensor);

  ModelProto model() &&;

 private:
  NodeProto& append(std::string_view op, std::initializer_list<std::string> inputs,
                    const std::string& output);
  const NodeProto& quantized_node(const std::string& tensor) const;

  ModelProto model_;
  std::unordered_map<std::string, std::string> exact_;         // tensors of the exact network -> name here
  std::unordered_map<std::string, std::string> exact_biases_;  // layer -> its third input, as named here
  FreshNames names_;
  std::unordered_map<std::string, std::size_t> producers_;  // of the quantised network: positions in nodes_
  std::vector<NodeProto> nodes_;
  std::map<std::size_t, std::vector<NodeProto>> behind_;  // nodes that were added behind one of nodes_
  std::size_t place_;
};

}  // namespace etalon
