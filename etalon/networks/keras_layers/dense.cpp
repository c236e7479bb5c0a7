#include <fmt/format.h>

#include "etalon/base/error.hpp"
#include "etalon/networks/keras_layers/activation_functions.hpp"
#include "etalon/networks/keras_layers/layers.hpp"
#include "etalon/networks/kernel_layout.hpp"

namespace etalon {

LoweredTensor lower_dense(LayerCall& call) {
  const auto& x = call.input();
  if (x.shape.empty()) throw Error(Kind::kBadInput, "its input has no features");
  LayerConfig config(call.layer.config);
  const auto units = config.integer("units", 1, kLargestExtent);
  const bool use_bias = config.flag("use_bias", true);
  const auto activation = config.text("activation", "linear");
  config.finish();

  call.expect_weights(use_bias ? 2 : 1);
  const auto features = x.shape.back();
  auto shape = x.shape;
  shape.back() = units;
  const auto out = call.tensor(use_bias ? "BiasAdd" : "MatMul");
  if (x.shape.size() == 1) {
    // Output channel first, as in a convolution: quantisation channel by channel expects it there.
    const auto kernel =
        call.weight(0, "kernel", {features, units}, {units, features}, [&](const auto& values) {
          return reversed_kernel(std::as_bytes(std::span(values)), 1, features, units);
        });
    const auto bias = use_bias ? call.weight(1, "bias", {units}, {units}) : "";
    call.graph.gemm(out, x.name, kernel, bias);
  } else {  // over the last axis of each row
    const auto kernel = call.weight(0, "kernel", {features, units}, {features, units});
    const auto product = use_bias ? call.tensor("Tensordot") : out;
    call.graph.matmul(product, x.name, kernel);
    if (use_bias) call.graph.add(out, product, call.weight(1, "bias", {units}, {units}));
  }
  return apply_activation(call, call.result(out, std::move(shape)), activation, "mul");
}

}  // namespace etalon
