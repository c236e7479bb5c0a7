// From a picture to a network's input as TAO's Mask R-CNN makes it in training and evaluation: normalised,
// scaled with its aspect ratio kept, zeros on the right and below.
//
//   PaddedPreprocessing how;
//   how.height = 832, how.width = 1344;
//   const Image image = decode_image(bytes, kPaddedDecoding);
//   std::vector<float> chw(3 * padded_size(how).area());
//   prepare_padded_picture(image, how, chw);
//
// In float32, in this order: v * float32(1 / 255); minus `mean`, divided by `deviation`; TensorFlow 1's
// bilinear resize (bilinear_axis.hpp) to what `scaled_picture` says; zeros (that is, the mean colour) up to
// padded_size. Source: nvidia_tao_tf1/cv/mask_rcnn of NVIDIA's TAO TF1 backend (dataloader_utils.py,
// preprocess_ops.py, tf_example_decoder.py), and numbers that it made (padded_picture_test.cpp).
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "etalon/images/image.hpp"

namespace etalon {

struct PaddedPreprocessing {
  int height = 0, width = 0;  // pixels that a picture is scaled into (data_config.image_size)
  int stride = 64;            // sides are padded to multiples of it: 2^max_level
  std::array<float, 3> mean{0.485F, 0.456F, 0.406F};  // RGB, 0 .. 1; preprocess_ops.py
  float deviation = 0.224F;                           // of all three; preprocess_ops.py
};

// tf.io.decode_image(bytes, channels=3): TensorFlow's fast JPEG transform.
inline constexpr Decoding kPaddedDecoding{Channels::kRgb, JpegTransform::kFast};

struct PaddedSize {
  int height = 0, width = 0;
  std::size_t area() const { return static_cast<std::size_t>(height) * static_cast<std::size_t>(width); }
};

// Of what comes out: height and width, rounded up to the stride. Error (kBadInput): sizes that cannot be.
PaddedSize padded_size(const PaddedPreprocessing& how);

// The picture's part of what comes out, at the top left. `scale`: from the picture to that (TensorFlow's
// image_info holds 1 / scale).
struct ScaledPicture {
  int height = 0, width = 0;
  float scale = 1;
};

// The largest of the picture's shape that fits, cut off to whole pixels: float32 rounding may lose one more.
// Error (kBadInput): so long and thin a picture that nothing is left of a side.
ScaledPicture scaled_picture(int height, int width, const PaddedPreprocessing& how);

// Fills `out`: CHW, RGB, 3 * padded_size(how).area(). Errors: those above; kInternal: a picture that is not
// kRgb, a span of another size.
void prepare_padded_picture(const Image& image, const PaddedPreprocessing& how, std::span<float> out);

}  // namespace etalon
