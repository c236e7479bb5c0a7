// `etalon inspect A B`: where two models differ, layer by layer.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "etalon/base/log.hpp"

namespace etalon {

struct CompareModelsOptions {
  std::filesystem::path first, second;         // ONNX, or a trained model
  std::optional<std::filesystem::path> image;  // both are run on it
  std::string key;                             // of an encrypted trained model
  std::optional<std::filesystem::path> spec;   // of a Mask R-CNN checkpoint
  int threads = 0;
};

// Below this SNR two tensors are not the same. The order of sums and folding in float32 leave 100 dB and more
// (107.6 at the worst tensor between our export of a ResNet-18 and NVIDIA's with its pads repaired), weights
// in half precision 55 to 70, INT8 less, a fault of the padding less than 15.
inline constexpr double kSameTensorDb = 80;
// Weights whose largest difference is below this part of the largest weight are the same but for rounding.
inline constexpr double kSameWeights = 1e-5;

// The document, docs/inspect.md has its keys: structure, attributes and weights that differ (worst first);
// with an image every tensor that both have, in the first's order, and the first at which they part. Errors:
// as the models' readers, common_input and Session throw them, with the file named.
nlohmann::ordered_json compare_models(const CompareModelsOptions& options, Log& log, Progress& progress);

}  // namespace etalon
