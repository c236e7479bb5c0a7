// Gives back to biases what rounding weights and activations moves the mean of each output channel by.
//
//   BiasShifts shifts = measure_bias_shifts(exact, quantized, layers, images, {.threads = 2}, progress);
//   apply_bias_shifts(quantized, shifts);     // plain Q/DQ as before, other biases
//
// For every layer and output channel: b += E[W x - Wq xq], with xq from predecessors that are quantised and
// corrected themselves (Nagel et al. 2019, "Data-free quantization", section 4.2, with measured means).
//
// Layer by layer would take as many runs as the network is deep. One run does: both networks compute an image
// side by side, and each layer of the quantised one passes on its output moved by what this image asks for;
// the shifts are the means of these over the images. With one image that is the correction layer by layer
// exactly; with many the difference is below what the choice of images makes. (Correcting all layers at once
// and again until nothing changes diverges at first: every layer of a chain gives back the same error.)
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "etalon/base/log.hpp"
#include "etalon/calibration/calibration_images.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

struct BiasCorrectionOptions {
  std::size_t most_images = 32;  // of the calibration images (image_sample.hpp)
  std::vector<std::int64_t> input_dims{};
  int threads = 0;
};

// By the layer's output tensor: what to add to each output channel.
using BiasShifts = std::map<std::string, std::vector<float>>;

// `exact` and `quantized` have the same layers under the same output tensors; both can be run. The same bytes
// for any number of threads. Layers: Conv, ConvTranspose and Gemm whose weights are constants of `exact`;
// others of `layers` (MatMul has no bias) are passed over. A mean is over the image and, where a layer runs
// once for each proposal, over these. Time: that of two inferences an image.
// Errors: kBadInput (no images, a tensor that is not in both models, numbers that are not finite, with layer
// and image), those of Session, floating_form and SideBySide.
BiasShifts measure_bias_shifts(const ModelProto& exact, const ModelProto& quantized,
                               const std::vector<std::string>& layers, const CalibrationImages& images,
                               const BiasCorrectionOptions& options, Progress& progress);

// A layer without a bias gets one, layers that share one get their own. Layers of `shifts` that the model
// does not have are passed over. Errors (kUnsupported): a bias that is not float32, or computed; a number of
// shifts that does not fit it (kBadInput).
void apply_bias_shifts(ModelProto& model, const BiasShifts& shifts);

}  // namespace etalon
