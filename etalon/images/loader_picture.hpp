// From a picture file to a network's input as TAO's DetectNet_v2 data loader makes it when nothing is
// augmented: the numbers that a calibration from an experiment spec sees. They differ from those of
// `--cal_image_dir` (preprocess.hpp): TensorFlow's decoders and resize instead of Pillow's, and
// half-precision floats on the way.
//
//   LoaderPreprocessing how;  // of augmentation_config.preprocessing
//   how.output_width = 960, how.output_height = 544, how.auto_resize = true;
//   const PictureSize size = loader_size(how);
//   std::vector<float> chw(3 * size.width * size.height);
//   prepare_loader_picture(read_file("000001.jpg"), LoaderFile::kPicture, how, chw);
//
// The facts are those of TAO's published TensorFlow 1 backend and of numbers that it made
// (loader_picture_test.cpp).
#pragma once

#include <span>

#include "etalon/base/bytes.hpp"

namespace etalon {

enum class LoaderNumerics {
  kMultisource,  // dataloader_mode MULTISOURCE: float16 throughout
  kLegacy,       // LEGACY and DEFAULT: float32, and TensorFlow's fast JPEG transform
};

// The fields of augmentation_config.preprocessing, as the spec has them: 0 where it says nothing.
struct LoaderPreprocessing {
  LoaderNumerics numerics = LoaderNumerics::kMultisource;
  int channels = 3;                         // 1 or 3
  int output_width = 0, output_height = 0;  // pixels
  bool auto_resize = false;                 // enable_auto_resize; kMultisource only
  // What kMultisource without auto_resize pads every picture to with zeros, right and bottom: the largest
  // sides of all sources' records and of the output.
  int canvas_width = 0, canvas_height = 0;
  float scale_width = 0, scale_height = 0;
  int crop_left = 0, crop_top = 0;      // pixels
  int crop_right = 0, crop_bottom = 0;  // the first ones not included
};

struct PictureSize {
  int width = 0, height = 0;  // pixels
};

// Of what comes out. kMultisource: the crop's size if any of its sides is given, else the output's; kLegacy:
// always the output's. Errors (kBadInput): a size that cannot be; kMultisource: a crop without pixels or with
// a negative side, a negative scale; a scale beyond 1/65536 .. 65536 that is not left unused.
PictureSize loader_size(const LoaderPreprocessing& how);

enum class LoaderFile {
  kPicture,     // JPEG or PNG, known by content
  kHalfFloats,  // image_extension "fp16": little-endian halves, CHW, 0 .. 1, nothing else; kLegacy only
};

// Fills `out`: CHW, RGB or grey, channels * width * height of loader_size(how).
//
// kMultisource: v * float16(1 / 255) in float16; then either TensorFlow 1's bilinear resize to the output's
// size (source = i * in / out, no half-pixel shift, float32, rounded to float16), or zeros up to the canvas.
// What that gives is scaled by scale_width and scale_height (one of them 0: not along that side), then
// cropped, both by one bilinear sampling between pixel centres, 0.5 outside, rounded to float16.
//
// kLegacy: v * float32(1 / 255). If both scales are positive the picture is scaled by them; crop_left and
// crop_top are pixels of the scaled picture and count only if the crop has an area; one bilinear sampling in
// float32, 0 outside. (With a crop, the matrix that NVIDIA inverts in float32 is off by some 1e-5 pixels,
// differently on each device; that is not imitated.)
//
// Three channels are clipped to 0 .. 1, one is not.
//
// `recorded` is the size that the picture's record states (frame/width, frame/height); only kHalfFloats needs
// it. Errors: those of loader_size and decode_image; kBadInput: a picture larger than the canvas, halves that
// are not as many as `recorded` says or not finite; kInternal: a span of another size.
void prepare_loader_picture(ByteView file, LoaderFile kind, const LoaderPreprocessing& how,
                            std::span<float> out, PictureSize recorded = {});

}  // namespace etalon
