// How many zeros a layer puts around its input, and how large its output is.
//
// TAO trains with Keras 2.2.4 and a patch of its backend: convolutions and pools with padding `same` put the
// same number of zeros on all sides and then work `valid`; depthwise, separable and transposed convolutions
// keep TensorFlow's SAME, which depends on the input's size and puts the smaller half first. Mask R-CNN,
// which is no Keras model of that backend, has TensorFlow's SAME everywhere. (docs/networks/detectnet_v2.md,
// "Padding")
//
//   kernel 3, stride 2, size 16:   patched     1 + 16 + 1 -> 8 outputs
//                                  TensorFlow  0 + 16 + 1 -> 8 outputs, each one pixel further right
#pragma once

#include <cstdint>
#include <string_view>

namespace etalon {

struct AxisWindow {
  std::int64_t size, kernel, stride, dilation = 1;
  std::int64_t effective_kernel() const { return (kernel - 1) * dilation + 1; }
};

struct AxisPlan {
  std::int64_t begin = 0, end = 0;  // zeros
  std::int64_t output = 0;          // size
  std::int64_t output_padding = 0;  // transposed convolutions only: rows after the last product
};

// Errors (kBadInput): the window is larger than the padded input.
AxisPlan plan_valid(const AxisWindow& window);
AxisPlan plan_conv_same(const AxisWindow& window);        // patched: effective_kernel / 2 each side
AxisPlan plan_pool_same(const AxisWindow& window);        // patched: (kernel - 1) / 2 each side
AxisPlan plan_tensorflow_same(const AxisWindow& window);  // ceil(size / stride) outputs

// Of a transposed convolution whose output has `output` rows: the convolution that it is the gradient of,
// with SAME or VALID, would make `size` rows of them. Error (kBadInput): it would not.
AxisPlan plan_transposed(const AxisWindow& window, std::int64_t output, bool same);

}  // namespace etalon
