// Runs an ONNX model on the CPU, in float32, and can count its tensors' values on the way.
//
//   Session session(model, {.threads = 2, .observe = {"input_1", "activation_1/Relu"}});
//   session.run_all(40, [&](std::size_t i, std::span<float> input) { load(i, input); }, progress);
//   session.take_statistics();
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "etalon/base/log.hpp"
#include "etalon/onnx/model.hpp"
#include "etalon/runtime/tensor.hpp"
#include "etalon/runtime/tensor_statistics.hpp"

namespace etalon {

// kBf16: inputs and weights of convolutions are rounded to bf16 and their products summed in float32.
// Observed tensors are float32: what leaves a convolution with its activation is counted before it is
// rounded; what is observed between the two (a Relu's input that is wanted as well) has been rounded to 8
// bits of mantissa. docs/statistics.md has what it is good for.
enum class RunPrecision { kF32, kBf16 };

struct SessionOptions {
  int threads = 0;  // 0: one a core. Never changes a bit of any result
  RunPrecision precision = RunPrecision::kF32;
  std::vector<std::string> observe{};  // tensors whose values are counted
  // Of one image, for a model that leaves them open: {channels, height, width} or {height, width, channels}.
  // Where the model names a number it must be the same.
  std::vector<std::int64_t> input_dims{};
};

// One image a run: the model's batch dimension is fixed at 1, and each image is computed by one thread,
// `threads` images at a time, so that results do not depend on the batch size or on the number of threads.
class Session {
 public:
  // Errors: kBadInput (the model does not load, its input's size is not fixed, an observed name does not
  // exist or is a constant), kUnsupported (not exactly one input of floating-point numbers or uint8, which is
  // filled as float32; bf16 where the processor has none).
  Session(const ModelProto& model, const SessionOptions& options);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  std::size_t input_size() const;                 // numbers of one image
  std::vector<std::int64_t> input_shape() const;  // batch 1

  using FillInput = std::function<void(std::size_t index, std::span<float> input)>;
  using TakeOutputs = std::function<void(std::size_t index, const Outputs& outputs)>;

  // Runs images 0 .. count-1. `fill` is called from several threads at a time, once an image; what it throws
  // stops the run and comes out (of several failures the one with the lowest index). `take` may be empty; it
  // is called in the order of the images, one call at a time. `progress` advances by one an image, on the
  // calling thread; its begin and end are the caller's.
  void run_all(std::size_t count, const FillInput& fill, const TakeOutputs& take, Progress& progress);

  // The same with work on the outputs that is worth its own threads: `use` is called where an image was
  // computed, several at a time, in any order, and `deliver` afterwards in the order of the images, one call
  // at a time. Between an image's fill and its deliver, index % work_slots(worker_count(threads)) is its own
  // (base/ordered_work.hpp).
  using UseOutputs = std::function<void(std::size_t index, const Outputs& outputs)>;
  using Deliver = std::function<void(std::size_t index)>;
  void run_each(std::size_t count, const FillInput& fill, const UseOutputs& use, const Deliver& deliver,
                Progress& progress);

  // One image, outputs by name.
  Outputs run(std::span<const float> input);

  // What was counted since the last call, by name. Not while run_all is at work.
  std::map<std::string, TensorStatistics> take_statistics();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Those of the model's activations, in graph order, that the runtime computes as floating-point numbers and
// can observe: not integers, not what it folds into constants, not names that it does not keep. Errors: the
// model does not load.
std::vector<std::string> observable_tensors(const ModelProto& model);

struct RuntimeFacts {
  std::string version;                    // "2026.4.1"
  std::string device;                     // processor's name
  std::vector<std::string> capabilities;  // "FP32", "BF16", "INT8", ...
};
RuntimeFacts runtime_facts();

}  // namespace etalon
