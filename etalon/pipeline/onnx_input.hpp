// How pictures become the input of somebody's ONNX model.
//
//   const OnnxInput input = onnx_input(model, path, {.mean = {123.675, 116.28, 103.53}}, log);
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "etalon/base/log.hpp"
#include "etalon/calibration/calibration_images.hpp"
#include "etalon/images/preprocess.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

// (pixel - mean) * scale. What is not given comes from the metadata that etalon's own export writes, else:
// RGB (grey for one channel), NCHW, mean 0, scale 1/255.
struct OnnxInputOptions {
  std::vector<double> mean;  // empty, one number, or one a channel in the channel order
  std::optional<double> scale;
  std::optional<ChannelOrder> channel_order;
  std::optional<Layout> layout;
  std::vector<std::int64_t> input_dims;  // channels, height, width for a model that leaves them open
};

struct OnnxInput {
  std::vector<std::int64_t> dims;  // of one image, as the model orders them (SessionOptions::input_dims)
  InputSize size;
  Preprocessing how;
};

// Says in one line what it takes. Errors: the model (named by `path`) has not one image input; options that
// contradict it (kWrongUsage).
OnnxInput onnx_input(const ModelProto& model, const std::filesystem::path& path,
                     const OnnxInputOptions& options, Log& log);

}  // namespace etalon
