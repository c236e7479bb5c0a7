// Counts the tensors of a network over calibration images, in one pass that can be stopped and taken up
// again.
//
//   CountedStatistics counted;
//   collect_statistics(model, images, part_of(images.count(), {}), {.tensors = deciding_tensors(model)},
//   counted, {}, progress);
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "etalon/base/log.hpp"
#include "etalon/calibration/calibration_images.hpp"
#include "etalon/calibration/shard.hpp"
#include "etalon/onnx/model.hpp"
#include "etalon/runtime/session.hpp"
#include "etalon/runtime/tensor_statistics.hpp"

namespace etalon {

struct CollectOptions {
  std::vector<std::string> tensors{};      // to be counted
  std::vector<std::int64_t> input_dims{};  // of one image, where the model leaves them open (SessionOptions)
  int threads = 0;
  RunPrecision precision = RunPrecision::kF32;
};

// What was counted so far: always of whole images, the first `images_done` of a part.
struct CountedStatistics {
  std::map<std::string, TensorStatistics> tensors;
  std::uint64_t images_done = 0;
};

// Adds the images of `part` that are not counted yet to `counted`. `keep` (may be empty) is called now and
// then, at most every some seconds, when `counted` holds all that was computed, and when the user stops the
// run; on any throw `counted` is what it was at the last such point, and going on from it gives the same
// numbers as a run in one go. Errors: NaN or Inf met (kBadInput, tensor and first such image named), what
// loading an image throws, and those of Session.
void collect_statistics(const ModelProto& model, const CalibrationImages& images, Part part,
                        const CollectOptions& options, CountedStatistics& counted,
                        const std::function<void()>& keep, Progress& progress);

}  // namespace etalon
