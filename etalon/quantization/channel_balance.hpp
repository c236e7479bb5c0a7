// Makes the channels of a tensor equally large, so that the one scale it gets in INT8 serves all of them.
//
//   LargestOfChannels largest = largest_of_channels(model, images, {.threads = 2}, progress);
//   ModelProto balanced = balance_by_ranges(model, largest);
//   // calibrate, quantise and correct biases of `balanced` as of any other model
//
// Between a convolution and those that read it, a channel may be divided by a positive number on the way in
// and multiplied on the way out (Relu, Add and pooling do not mind): the network computes the same. A tensor
// whose largest channel is 100 times its smallest otherwise leaves that one a single step of INT8. (Nagel et
// al. 2019, "Data-free quantization", section 4.1; with measured ranges of activations, as Xiao et al. 2023,
// "SmoothQuant".) The price is paid by the weights' steps, so channels are brought half of the way.
//
// Factors are powers of two: no number is rounded, and the outputs stay the same bit for bit.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "etalon/base/log.hpp"
#include "etalon/calibration/calibration_images.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

struct ChannelBalanceOptions {
  std::size_t most_images = 32;  // of the calibration images (image_sample.hpp)
  std::vector<std::int64_t> input_dims{};
  int threads = 0;
};

// Tensors whose ranges count: those that convolutions read and residual_skips
// (explicit_int8.hpp), as far as their channels may be scaled, in graph order of what bounds them:
//   - what makes them are convolutions, followed by Relu, LeakyRelu, Add of two such tensors,
//     Identity or pooling;
//   - all who read them are convolutions or such operators; no output of the network is among them;
//   - these convolutions' weights and biases are float32 constants that nobody else reads.
std::vector<std::string> balanceable_tensors(const ModelProto& model);

// The largest |x| of each channel, by tensor of balanceable_tensors. The same for any number of threads.
// Time: that of an inference an image. Errors: kBadInput (no images, numbers that are not finite, with tensor
// and image), those of Session.
using LargestOfChannels = std::map<std::string, std::vector<float>>;
LargestOfChannels largest_of_channels(const ModelProto& model, const CalibrationImages& images,
                                      const ChannelBalanceOptions& options, Progress& progress);

// Those of `largest` that can be balanced in `model` too: a graph to be run has lost its Dropouts and may
// have other names, and has to stay the same network as the one that is exported.
LargestOfChannels balanceable_in(const ModelProto& model, LargestOfChannels largest);

// A model with other weights and biases of some convolutions: the same outputs, other values of the tensors
// between, whose ranges have to be taken anew. What cannot be balanced stays as it is.
// Error (kBadInput): a number of channels that does not fit. Tensors that the model does not have, or that
// cannot be balanced in it, are passed over.
ModelProto balance_by_ranges(const ModelProto& model, const LargestOfChannels& largest);

}  // namespace etalon
