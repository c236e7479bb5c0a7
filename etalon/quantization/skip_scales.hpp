// Scales for the skip inputs of residual sums, by what their rounding leaves behind the activation.
//
//   for (const auto& [tensor, scale] : choose_skip_scales(model, scales, images, {.threads = 2}, progress))
//     scales[tensor] = scale;
//
// An explicit INT8 model rounds the skip of a residual Add (explicit_int8.hpp), and a Relu follows. Where a
// shortcut is far below zero the sum mostly is as well, and the Relu takes the error away: such a tensor is
// better clipped there than given a scale that reaches so far, which a range by the tensor's own values does
// not see. So the error is measured where it comes out, E[(relu(a + round(skip)) - relu(a + skip))^2] with
// the float network's tensors, and the scale is the one that makes it least.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "etalon/base/log.hpp"
#include "etalon/calibration/calibration_images.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

struct SkipScaleOptions {
  std::size_t most_images = 32;  // of the calibration images (image_sample.hpp)
  std::vector<std::int64_t> input_dims{};
  int threads = 0;
};

// `scales` by tensor, as for make_explicit_int8. Answers the skips' new ones, 0.5 to 1.41 times the old, of
// tensors that are rounded for one Add alone and share their scale with no other; all others keep theirs. The
// same bytes for any number of threads. Time: about that of an inference an image.
// Errors: those of make_explicit_int8, kBadInput (no images, numbers that are not finite, with tensor and
// image), those of Session.
std::map<std::string, float> choose_skip_scales(const ModelProto& model,
                                                const std::map<std::string, float>& scales,
                                                const CalibrationImages& images,
                                                const SkipScaleOptions& options, Progress& progress);

// The tensors that it would choose for, in graph order.
std::vector<std::string> skip_tensors(const ModelProto& model, const std::map<std::string, float>& scales);

}  // namespace etalon
